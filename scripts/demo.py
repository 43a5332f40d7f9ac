"""The main job, end to end: a real cluster with four faulty releases; scan, plan, repair, prove.

Run by `make demo`, which makes the cluster and deletes it afterwards (KEEP=1 leaves it for a look around). Ends with 0
only if everything that it shows is so.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.chart_repository import ChartRepository, chart_repository
from tests.estate import CANARIES, FILES, PACKAGES, PLANTED, Estate


class Demo:
    """Runs posit-audit as a person would, shows what it prints, and notes whatever is not as promised."""

    def __init__(self, kubeconfig: Path) -> None:
        self.environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
        self.broken: list[str] = []

    def posit_audit(self, *arguments: str, expect: int, quiet: bool = False) -> str:
        if not quiet:
            print(f"\n$ posit-audit {' '.join(arguments)}", flush=True)
        done = subprocess.run(
            [sys.executable, "-m", "auditor", *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,  # in the order in which a person sees them
            text=True,
            check=False,
        )
        if not quiet:
            sys.stdout.write(done.stdout)
            sys.stdout.flush()
        self.check(done.returncode == expect, f"posit-audit {arguments[0]} ended with {done.returncode}, not {expect}")
        leaked = [where for where, canary in CANARIES.items() if canary in done.stdout]
        self.check(not leaked, f"posit-audit {arguments[0]} printed a secret: {', '.join(leaked)}")
        return done.stdout

    def check(self, holds: bool, otherwise: str) -> None:
        if not holds:
            self.broken.append(otherwise)


def show(demo: Demo, estate: Estate, charts: ChartRepository) -> None:
    before = json.loads(demo.posit_audit("scan", "-o", "json", expect=2, quiet=True))
    failed = {_key(f) for f in before["findings"] if f["result"] == "failed"}
    demo.check(failed >= PLANTED, f"not found: {sorted(PLANTED - failed)}")
    demo.posit_audit("scan", expect=2)
    demo.posit_audit("fix", expect=2)
    print(f"\n# who owns what on the volume of {PACKAGES}/pm before\n{estate.owners()}")
    demo.posit_audit("fix", "--apply", "--yes", *charts.flags, expect=0)
    owners = estate.owners()
    print(f"\n# who owns what on the volume of {PACKAGES}/pm after\n{owners}")
    demo.check(" 0:0" not in owners, "files still belong to root")
    after = json.loads(demo.posit_audit("scan", "-o", "json", "--exit-zero", expect=0, quiet=True))
    fixes = {_key(f): f["fix"] or {} for f in after["findings"] if f["result"] == "failed"}
    fixable = [key for key, fix in fixes.items() if fix.get("actions") and fix["safe"]]
    demo.check(not fixable, f"left although they can be mended unasked: {fixable}")
    demo.posit_audit("scan", "--exit-zero", expect=0)
    again = demo.posit_audit("fix", expect=0)
    demo.check("0 steps planned" in again, "a second fix plans something")
    told = f"{before['summary']['failed']} findings before, {after['summary']['failed']} after"
    print(f"\n{told}, all of which need a person; {FILES} files re-owned.")


def _key(finding: dict[str, dict[str, str]]) -> tuple[str, str, str]:
    return finding["release"]["namespace"], finding["release"]["name"], str(finding["rule"])


def main() -> int:
    helm, kubectl = shutil.which("helm"), shutil.which("kubectl")
    if not helm or not kubectl or not {"KUBECONFIG", "DEMO_VOLUMES"} <= set(os.environ):
        sys.exit("The demo needs a cluster, helm and kubectl: run it by `make demo`.")
    kubeconfig = Path(os.environ["KUBECONFIG"])
    with chart_repository() as repository:
        estate = Estate(
            kubeconfig=kubeconfig,
            kubectl=Path(kubectl),
            helm=Path(helm),
            repository=repository.url,
            volumes=os.environ["DEMO_VOLUMES"],
            say=lambda line: print(f"… {line}", flush=True),
        )
        estate.build()
        demo = Demo(kubeconfig)
        show(demo, estate, repository)
    for sentence in demo.broken:
        print(f"NOT AS PROMISED: {sentence}", file=sys.stderr)
    return 1 if demo.broken else 0


if __name__ == "__main__":
    sys.exit(main())
