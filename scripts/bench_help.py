"""How long `posit-audit --help` takes, as a multiple of the `--help` of a typer app with two empty commands.

The two are run in turn, so that a slow moment of the machine hits both; the median of the pairs' ratios counts.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time

TWO_COMMANDS = """
import typer
app = typer.Typer()
@app.command()
def first(name: str = "x") -> None:
    "One thing."
@app.command()
def second(name: str = "x") -> None:
    "Another thing."
app()
"""
GOAL = 1.4


def seconds(arguments: list[str]) -> float:
    begin = time.perf_counter()
    subprocess.run(
        [sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, env={**os.environ, "COLUMNS": "100"}
    )
    return time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=15)
    pairs = parser.parse_args().pairs
    ours, theirs = ["-m", "auditor", "--help"], ["-c", TWO_COMMANDS, "--help"]
    seconds(ours), seconds(theirs)  # warm the caches
    ratios = [seconds(ours) / seconds(theirs) for _ in range(pairs)]
    median = statistics.median(ratios)
    print(
        f"posit-audit --help / two-command typer app --help: median {median:.2f} (min {min(ratios):.2f}, "
        f"max {max(ratios):.2f}, {pairs} pairs, goal <= {GOAL})"
    )
    sys.exit(0 if median <= GOAL else 1)


if __name__ == "__main__":
    main()
