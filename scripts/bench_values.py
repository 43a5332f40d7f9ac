"""How long migrate and lint take for a values file, by its length, and against `helm template` of a chart.

    python -m scripts.bench_values [--archive CHART] [--helm PROGRAM]

Both should grow with the file and no faster: the time per line is printed for each length. The last line gives a
500-line file's time as a multiple of `helm template` with the same file on the chart; the goal is below 3.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from auditor.catalog import Chart, load
from auditor.values.document import Document
from auditor.values.lint import lint
from auditor.values.migration import migrate
from tests.chart_repository import find_helm, package_charts

LENGTHS = (250, 500, 1000, 2000, 4000, 8000)
RUNS = 5
HEAD = """\
# Connect with the Launcher, as many installs have it
sharedStorage: {create: true}
image:
  repository: posit/connect
launcher:
  enabled: true
  templateValues:
    pod:
      serviceAccountName: content
      nodeSelector: {pool: content}
      env:
"""


def values(lines: int) -> str:
    """A values file of so many lines: half of it variables of content, half of it configuration."""
    half = (lines - HEAD.count("\n") - 1) // 3
    env = "".join(f"      - name: VARIABLE_{n}\n        value: word {n}  # why\n" for n in range(half))
    return f"{HEAD}{env}config:\n" + "".join(f"  Section{n}: {{Key: value {n}}}\n" for n in range(half))


def seconds(work: Callable[[], object]) -> float:
    """The median of some runs, after one that warms up."""
    work()
    taken = []
    for _ in range(RUNS):
        begin = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken)


def measured(text: str, chart: Chart) -> tuple[float, float]:
    """Seconds for reading and migrating, and for reading and linting."""
    return (
        seconds(lambda: migrate((Document.parse(text),), chart, from_version="0.8.10")),
        seconds(lambda: lint((Document.parse(text),), chart, from_version="0.8.10")),
    )


def helm_seconds(helm: str, archive: Path, text: str) -> float:
    """Helm refuses what isn't migrated, so it gets the file with the Launcher's own switch off."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "values.yaml")
        path.write_text(text.replace("enabled: true", "enabled: false", 1))
        command = [helm, "template", "rel", str(archive), "--values", str(path)]
        return seconds(lambda: subprocess.run(command, check=True, capture_output=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archive", type=Path, help="a rstudio-connect chart; default: the newest stand-in")
    parser.add_argument("--helm", default=str(find_helm()))
    given = parser.parse_args()
    chart = load().chart("rstudio-connect")
    print("lines  migrate  µs/line     lint  µs/line")
    for lines in LENGTHS:
        moved, judged = measured(values(lines), chart)
        print(f"{lines:5} {moved:7.3f} s {moved / lines * 1e6:7.0f} {judged:7.3f} s {judged / lines * 1e6:7.0f}")
    moved, judged = measured(values(500), chart)
    with tempfile.TemporaryDirectory() as folder:
        archive = given.archive or package_charts(Path(folder)) / f"rstudio-connect-{chart.newest}.tgz"
        helm = helm_seconds(given.helm, archive, values(500))
    print(f"500 lines against helm template ({helm:.3f} s): migrate {moved / helm:.2f}, lint {judged / helm:.2f}")


if __name__ == "__main__":
    main()
