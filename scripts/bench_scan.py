"""What `posit-audit scan` costs in a crowded cluster, as multiples of its cost in an empty one.

Needs KUBECONFIG of a cluster that may be filled, kubectl and helm on PATH (`make bench` sees to it). Installs one
Package Manager release, scans, adds objects of strangers (Deployments, Helm Secrets, ConfigMaps, service accounts;
nothing of them runs), and scans again: requests must hardly grow, and time must grow far less than the cluster.
"""

from __future__ import annotations

import argparse
import base64
import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from tests.chart_repository import chart_repository

NAMESPACE, STRANGERS = "bench-scan", "bench-scan-strangers"
PAGE, LISTED = 500, 2
"""Two of the four kinds are listed across the cluster (Deployments as a table, Helm's Secrets as metadata)."""
GOAL_TIME = 3.0


def kubectl(*arguments: str, stdin: str | None = None) -> None:
    subprocess.run(["kubectl", *arguments], input=stdin, text=True, check=True, stdout=subprocess.DEVNULL)


def scan() -> tuple[float, int]:
    """Seconds and number of requests."""
    begin = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "auditor", "-vv", "--log-format", "json", "scan", "-o", "json", "--exit-zero"],
        capture_output=True,
        text=True,
        check=True,
    )
    seconds = time.perf_counter() - begin
    lines = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    return seconds, sum(line["event"] == "request" for line in lines)


def strangers(count: int) -> Iterator[dict[str, Any]]:
    blob = base64.b64encode(os.urandom(20_000)).decode()
    for number in range(count):
        meta = {"name": f"stranger-{number}", "namespace": STRANGERS, "labels": {"app": f"stranger-{number}"}}
        yield {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": meta,
            "spec": {
                "replicas": 0,
                "selector": {"matchLabels": meta["labels"]},
                "template": {
                    "metadata": {"labels": meta["labels"]},
                    "spec": {"containers": [{"name": "web", "image": "registry.example/web:1"}]},
                },
            },
        }
        labels = {"owner": "helm", "name": meta["name"], "status": "deployed", "version": "1"}
        yield {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "helm.sh/release.v1",
            "metadata": {**meta, "name": f"sh.helm.release.v1.{meta['name']}.v1", "labels": labels},
            "data": {"release": blob},
        }
        yield {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"page": "x" * 2_000}}
        yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta}


def measure(runs: int) -> tuple[float, int]:
    results = [scan() for _ in range(runs + 1)][1:]
    return statistics.median(seconds for seconds, _ in results), results[-1][1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--strangers", type=int, default=1_000, help="of each of four kinds")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    for namespace in (NAMESPACE, STRANGERS):
        kubectl("create", "namespace", namespace)
    try:
        with chart_repository() as repository:
            command = ("install", "pm", "rstudio-pm", "--repo", repository.url, "--version", "0.20.4", "-n", NAMESPACE)
            subprocess.run(["helm", *command], check=True, stdout=subprocess.DEVNULL)
        kubectl("rollout", "status", "deployment", "-n", NAMESPACE, "--timeout=120s")
        empty, few = measure(options.runs)
        objects = {"apiVersion": "v1", "kind": "List", "items": list(strangers(options.strangers))}
        kubectl("create", "-f", "-", stdin=json.dumps(objects))
        crowded, many = measure(options.runs)
    finally:
        subprocess.run(["helm", "uninstall", "pm", "-n", NAMESPACE], check=False, stdout=subprocess.DEVNULL)
        kubectl("delete", "namespace", NAMESPACE, STRANGERS, "--wait=false")
    pages = LISTED * math.ceil(options.strangers / PAGE)
    print(
        f"{4 * options.strangers} objects of strangers: requests {few} -> {many} (goal: at most {pages} more, "
        f"pages of lists), time {crowded / empty:.2f}x (goal <= {GOAL_TIME}), medians of {options.runs}"
    )
    sys.exit(0 if many - few <= pages and crowded / empty <= GOAL_TIME else 1)


if __name__ == "__main__":
    main()
