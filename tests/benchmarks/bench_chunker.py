"""The cost of cutting an answer, against one regular expression that scans the same deltas.

    python -m tests.benchmarks.bench_chunker [--rounds 12]

Two texts of 100,000 characters in deltas of four: the simulator's answers, as a shop gives them,
and the chunking corpus, where every line is a trap; of each, one language after the other in turn.
They are fed to one chunker as one answer, and to a hundred chunkers in pieces of 1,000 characters;
the same work should cost the same. The expression finds end marks with closing marks and a space
behind them. Of each, the fastest of the rounds counts. An import is measured in processes of its
own, with the byte code that Python keeps.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from functools import partial
from itertools import chain, zip_longest
from time import perf_counter

from app.core.chunker import Chunker
from app.simulator.answers import ANSWERS
from tests.benchmarks import stage
from tests.core.test_chunker_corpus import ANSWERS as CORPUS

CHARACTERS = 100_000
PIECE = 1_000
DELTA = 4
SENTENCE_END = re.compile(r"[.!?…。！？।؟]+[\"'”’»)\]]*(?=\s|$)")
IMPORT = "import time; a = time.perf_counter(); import {}; print(time.perf_counter() - a)"


def in_turn(languages: Iterable[Iterable[str]]) -> str:
    """All answers, a language's next one after each other language's, as often as it takes."""
    answers = filter(None, chain.from_iterable(zip_longest(*languages, fillvalue="")))
    text = "\n\n".join(answers) + "\n\n"
    return (text * (CHARACTERS // len(text) + 1))[:CHARACTERS]


def corpus() -> list[list[str]]:
    """The chunking corpus, by language."""
    languages: dict[str, list[str]] = {}
    for name, answer in CORPUS.items():
        languages.setdefault(name.partition(":")[0], []).append(answer.text)
    return [*languages.values()]


def deltas(text: str) -> list[str]:
    return [text[at : at + DELTA] for at in range(0, len(text), DELTA)]


def cut(pieces: list[list[str]]) -> None:
    """Each piece as an answer of its own."""
    for piece in pieces:
        chunker = Chunker()
        feed = chunker.feed
        for delta in piece:
            feed(delta)
        chunker.close()


def scan(piece: list[str]) -> None:
    search = SENTENCE_END.search
    for delta in piece:
        search(delta)


def fastest(rounds: int, *works: Callable[[], None]) -> list[float]:
    """The least time of each, in seconds; they take turns."""
    best = [float("inf")] * len(works)
    for _ in range(rounds):
        for at, work in enumerate(works):
            began = perf_counter()
            work()
            best[at] = min(best[at], perf_counter() - began)
    return best


def import_seconds(module: str, rounds: int) -> float:
    command = [sys.executable, "-c", IMPORT.format(module)]
    environment = {"PYTHONPATH": str(stage.ROOT), "PYTHONDONTWRITEBYTECODE": ""}
    runs = (
        subprocess.run(command, env=environment, capture_output=True, check=True, text=True)
        for _ in range(rounds)
    )
    return min(float(run.stdout) for run in runs)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=12)
    rounds = parser.parse_args().rounds
    stage.heading("Cutting an answer", "python -m tests.benchmarks.bench_chunker")
    rows = []
    for name, text in (
        ("a shop's answers", in_turn(by_topic.values() for by_topic in ANSWERS.values())),
        ("the corpus of traps", in_turn(corpus())),
    ):
        whole = deltas(text)
        pieces = [deltas(text[at : at + PIECE]) for at in range(0, len(text), PIECE)]
        times = fastest(rounds, partial(cut, [whole]), partial(cut, pieces), partial(scan, whole))
        long, short, scanned = (1e6 * PIECE / len(text) * seconds for seconds in times)
        rows += [
            (
                f"1,000 characters of {name}",
                f"{long:.0f} µs",
                f"{scanned:.0f} µs, the expression",
                f"{long / scanned:.1f}",
                "12",
            ),
            (
                "the same, in an answer of 100,000",
                f"{long:.0f} µs",
                f"{short:.0f} µs, in answers of 1,000",
                f"{long / short:.2f}",
                "1.3",
            ),
        ]
    ours = import_seconds("app.core.chunker", rounds)
    rows.append(("import, once for each process", f"{ours * 1e3:.0f} ms", "", "", "50 ms"))
    stage.table(("what", "Rivulet", "baseline", "ratio", "aim"), rows)


if __name__ == "__main__":
    main()
