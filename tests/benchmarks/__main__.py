"""All benchmarks, one after the other: ``python -m tests.benchmarks``; about twenty minutes.

Each is a command of its own as well and prints a Markdown table with the machine, the versions and
that command. They use loopback only, a Redis of their own, and end what they have started.
"""

import subprocess
import sys

from tests.benchmarks import stage

ALL = (
    *("bench_chunker", "bench_webhook", "bench_junk", "bench_worker", "bench_memory"),
    *("bench_model_stream", "bench_bubbles", "bench_people", "bench_growth", "bench_durability"),
)


def main() -> int:
    """Run them; how many failed."""
    commands = [[sys.executable, "-m", f"tests.benchmarks.{name}"] for name in ALL]
    return sum(subprocess.run(command, cwd=stage.ROOT).returncode != 0 for command in commands)


if __name__ == "__main__":
    sys.exit(main())
