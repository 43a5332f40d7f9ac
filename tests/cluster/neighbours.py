"""kubectl beside posit-audit: both with the same kubeconfig and environment, and whom the API server saw."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Identity = tuple[str, str, tuple[str, ...], str]
OURS, HELM, KUBECTL = "posit-audit/", "Helm/", "kubectl/"


@dataclass(frozen=True, kw_only=True)
class Answer:
    code: int
    out: str
    err: str


@dataclass(frozen=True, kw_only=True)
class Neighbours:
    """Everything runs in `folder`, where relative kubeconfigs are."""

    environment: Mapping[str, str]
    folder: Path
    namespace: str
    pod: str
    chart: Path
    audit_events: Callable[[str], list[dict[str, Any]]]
    before: Sequence[str] = field(default=())
    """A program in front of each of them, with its arguments."""

    def kubectl(self, *flags: str) -> tuple[str, ...]:
        return ("kubectl", *flags, "auth", "whoami", "-o", "json")

    def scan(self, *flags: str) -> tuple[str, ...]:
        """A list, gets, and a look into the volume by exec."""
        only = ("--rule", "volume-files-wrong-owner", "--exit-zero", "-o", "json")
        return (sys.executable, "-m", "auditor", "scan", "-n", self.namespace, *only, *flags)

    def log_and_helm(self, *flags: str) -> tuple[str, ...]:
        driver = (sys.executable, "-m", "tests.cluster.parity")
        return (*driver, *flags, self.namespace, self.pod, "pm", str(self.chart))

    def run(self, argv: Sequence[str], **environment: str) -> Answer:
        return self.ended(self.started(argv, environment))

    def started(self, argv: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*self.before, *argv],
            env={**self.environment, **environment},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @staticmethod
    def ended(process: subprocess.Popen[str]) -> Answer:
        out, err = process.communicate(timeout=120)
        assert "Traceback" not in err, err
        return Answer(code=process.returncode, out=out, err=err)

    def at_a_terminal(self, argv: Sequence[str], typed: str, **environment: str) -> Answer:
        """With the terminal as stdin, and `typed` written to it once it is asked for."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [*self.before, *argv],
            env={**self.environment, **environment},
            cwd=self.folder,
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=theirs,
        )
        os.close(theirs)
        said = b""
        while b"PIN" not in said and select.select([ours], [], [], 30)[0]:
            said += os.read(ours, 4096)
        os.write(ours, f"{typed}\n".encode())
        out, _ = process.communicate(timeout=120)
        while select.select([ours], [], [], 0)[0]:
            try:
                said += os.read(ours, 4096)
            except OSError:  # the terminal of one that has ended
                break
        os.close(ours)
        return Answer(code=process.returncode, out=out.decode(), err=said.decode())

    def agree(self, *flags: str, **environment: str) -> Identity:
        """Scan with exec, log and Helm do their work wherever kubectl does, as whom kubectl does. Whom that is."""
        start = datetime.now(UTC)
        processes = [self.started(argv, environment) for argv in (self.scan(*flags), self.log_and_helm(*flags))]
        kubectl = self.run(self.kubectl(*flags), **environment)
        assert kubectl.code == 0, kubectl.err
        scan, driver = map(self.ended, processes)
        self.worked(scan, driver)
        expected = _told(json.loads(kubectl.out)["status"]["userInfo"])
        seen = self.seen(start)
        assert seen == {expected}, seen
        return expected

    def seen(self, start: datetime) -> set[Identity]:
        """As whom posit-audit, by exec and for a log too, and Helm asked since then."""
        deadline = time.monotonic() + 10
        while True:  # an event may be written a little after its answer
            ours, helm = (
                [one for one in self.audit_events(agent) if _received(one) >= start] for agent in (OURS, HELM)
            )
            ways = {one["objectRef"].get("subresource") for one in ours if "objectRef" in one}
            if helm and {"exec", "log"} <= ways:
                return {_told(one.get("impersonatedUser") or one["user"]) for one in (*ours, *helm)}
            assert time.monotonic() < deadline, ways
            time.sleep(0.1)

    def ours(self, start: datetime) -> list[dict[str, Any]]:
        """What posit-audit asked for since then, by now."""
        time.sleep(0.5)  # an event may be written a little after its answer
        return [one for one in self.audit_events(OURS) if "objectRef" in one and _received(one) >= start]

    @staticmethod
    def worked(scan: Answer, driver: Answer) -> None:
        assert scan.code == 0, scan.err
        (finding,) = json.loads(scan.out)["findings"]
        assert finding["result"] != "unknown", finding
        assert driver.code == 0, driver.err
        told = json.loads(driver.out)
        assert told["log"], told
        assert told["objects"], told

    def refuse(self, *flags: str, **environment: str) -> str:
        """What kubectl refuses or can't do, posit-audit tells in a sentence, which this gives back."""
        kubectl = self.run(self.kubectl(*flags), **environment)
        assert kubectl.code == 1, kubectl.out
        scan = self.run(self.scan(*flags), **environment)
        assert scan.code == 1, scan.out
        return scan.err


def _received(event: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(event["requestReceivedTimestamp"])


def _told(user: Mapping[str, Any]) -> Identity:
    extra = json.dumps({name: sorted(values) for name, values in (user.get("extra") or {}).items()}, sort_keys=True)
    # Helm 4 sends each group of --kube-as-group twice.
    return user["username"], user.get("uid", ""), tuple(sorted({*(user.get("groups") or ())})), extra
