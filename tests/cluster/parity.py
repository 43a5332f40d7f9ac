"""`python -m tests.cluster.parity NAMESPACE POD RELEASE CHART [--as ...]`: the ways to the API server that no command
without a change takes, a log and Helm, each by posit-audit's own rooms as the commands use them."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from auditor import logs
from auditor.apply.tools import open_tools
from auditor.cluster.connect import connect
from auditor.settings import ClusterSettings


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser()
    for name in ("namespace", "pod", "release", "chart"):
        parser.add_argument(name)
    parser.add_argument("--kubeconfig")
    parser.add_argument("--as", dest="user")
    parser.add_argument("--as-uid", dest="uid")
    parser.add_argument("--as-group", dest="groups", action="append", default=[])
    given = parser.parse_args(arguments)
    logs.configure(0, "text")
    settings = ClusterSettings(
        kubeconfig=given.kubeconfig,
        impersonate=given.user,
        impersonate_uid=given.uid,
        impersonate_groups=tuple(given.groups),
    )
    with open_tools(connect(settings)) as tools:
        lines = list(tools.reader.log(given.namespace, given.pod, "rspm", tail_lines=1))
        dry_run = tools.helm.dry_run(given.namespace, given.release, chart=Path(given.chart), values=b"{}", secrets=())
    sys.stdout.write(json.dumps({"log": len(lines), "objects": len(dry_run.objects)}))


if __name__ == "__main__":
    main()
