"""By hand: ``python -m tests.chaos --seed 1 --minutes 3 [--run A|B|never]``; prints a table."""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from tests.chaos.judge import Verdict, judge
from tests.chaos.world import Plan, run_of

SETTLING = 0.5
"""How much of the time the end takes, at most: the rest is for writing and dying."""


def plan_of(name: str, asked: argparse.Namespace) -> Plan:
    """The plan of run A, B or ``never``."""
    seconds = asked.minutes * 60
    plan = Plan(
        seed=asked.seed,
        persons=asked.persons,
        messages=asked.messages,
        kills=asked.kills,
        restarts=asked.restarts,
        writing=seconds,
        patience=max(60.0, seconds * SETTLING),
        appendfsync=asked.appendfsync,
    )
    if name == "A":
        return plan
    policy = replace(plan, loss="both may be lost")
    return replace(policy, policy="never") if name == "never" else policy


def table(verdicts: Sequence[tuple[str, Verdict]]) -> str:
    """The figures as a Markdown table, one column for each run."""
    rows: list[tuple[str, Callable[[Verdict], object]]] = [
        ("messages", lambda one: one.messages),
        ("bubbles", lambda one: one.bubbles),
        ("workers and webs killed", lambda one: one.kills),
        ("lost messages", lambda one: len(one.lost)),
        ("messages answered in part", lambda one: len(one.cut_short)),
        ("unanswered people", lambda one: len(one.unanswered)),
        ("duplicate bubbles", lambda one: max(len(one.doubled), len(one.doubled_sends))),
        ("counted resends", lambda one: one.resends),
        ("replies stopped as uncertain", lambda one: one.stops),
        ("requested too early", lambda one: len(one.early)),
        ("landed out of order", lambda one: len(one.landed_out_of_order)),
        ("overtaken after a wait ran out", lambda one: one.overtaken),
        ("interleaved replies", lambda one: len(one.interleaved)),
        ("turns that died with a worker", lambda one: len(one.recoveries)),
        ("taken up again, p50", lambda one: f"{one.recovery_p50:.1f} s"),
        ("taken up again, max", lambda one: f"{one.recovery_max:.1f} s"),
        ("the run took", lambda one: f"{one.seconds:.0f} s"),
    ]
    names = " | ".join(name for name, _ in verdicts)
    lines = [f"| | {names} |", "| --- |" + " ---: |" * len(verdicts)]
    for label, value in rows:
        lines.append(f"| {label} | " + " | ".join(str(value(one)) for _, one in verdicts) + " |")
    return "\n".join(lines)


def main() -> int:
    """Run, and print; 1 when something is lost, double or out of order."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=2.5)
    parser.add_argument("--run", choices=["A", "B", "never"], action="append")
    parser.add_argument("--persons", type=int, default=100)
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=32)
    parser.add_argument("--restarts", type=int, default=4)
    parser.add_argument("--appendfsync", choices=["always", "everysec"], default="everysec")
    parser.add_argument("--keep", type=Path, help="a folder for the record and the workers' logs")
    asked = parser.parse_args()
    verdicts, broken = [], 0
    for name in asked.run or ["A"]:
        plan = plan_of(name, asked)
        run = asyncio.run(run_of(plan))
        verdict = judge(run)
        verdicts.append((f"run {name}, seed {asked.seed}", verdict))
        if asked.keep:
            asked.keep.mkdir(exist_ok=True)
            (asked.keep / f"{name}.log").write_text(run.logs)
            kept = {
                "record": run.record,
                "kills": [(k.at, k.who, [*k.held], [*k.taken]) for k in run.kills],
            }
            (asked.keep / f"{name}.json").write_text(json.dumps(kept))
        for what, found in verdict.broken(plan).items():
            broken += 1
            sys.stderr.write(f"{name}: {what}: {', '.join(found[:20])}\n")
    sys.stdout.write(table(verdicts) + "\n")
    return int(broken > 0)


if __name__ == "__main__":
    raise SystemExit(main())
