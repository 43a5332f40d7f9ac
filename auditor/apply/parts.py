"""What the pods of a Job have told in their logs, one part of the work for each index. Reads only."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from auditor.apply import own_jobs
from auditor.apply.interruption import is_cut_off
from auditor.apply.ownership_job import CONTAINER
from auditor.apply.tools import Tools
from auditor.errors import ApiError, ClusterError
from auditor.model.kubernetes import PODS
from auditor.model.ownership import entries
from auditor.names.shown import name
from auditor.names.told import told as repeated
from auditor.worker.messages import Progress, Refusal, Started, Summary, messages, plain

_TAIL = 50
_SAMPLES = 5
_INDEX = "batch.kubernetes.io/job-completion-index"
_COUNTS = ("seen", "wrong", "changed", "earlier", "failed", "per_second")


@dataclass
class Part:
    """What the logs of one part's pods have told so far; the newest pod's is read."""

    pod: str = ""
    progress: Mapping[str, Any] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)
    refusal: Refusal | None = None
    started: Started | None = None
    records: dict[str, None] = field(default_factory=dict)
    """Of all its pods that run what the Job's template says: one that went on may have begun another record."""

    def so_far(self) -> Mapping[str, Any]:
        return {**self.summary, "per_second": 0} if self.summary else self.progress

    def read(self, made: Mapping[str, Any], pod: Mapping[str, Any], tools: Tools) -> None:
        metadata = pod["metadata"]
        try:
            log = tools.reader.log(metadata["namespace"], metadata["name"], CONTAINER, tail_lines=_TAIL, attempts=1)
            lines = list(log)
        except (ApiError, ClusterError):
            # The log of a pod that is just starting or just gone can't be read; the Job's status decides.
            self.progress = {**self.progress, **({"per_second": 0} if self.progress else {})}
            return
        self.pod = metadata["name"]
        self.summary, self.refusal = {}, None
        for message in messages(lines):
            match message:
                case Started():
                    self.started = message
                case Progress():
                    self.progress = plain(message)
                case Summary():
                    if own_jobs.runs_as_made(made, pod):
                        self.records.update(dict.fromkeys(message.records or ()))
                    told = {} if message.records is None else {"records": [*self.records]}
                    self.summary = {**plain(message), **told}
                case Refusal():
                    self.refusal = message


def told(made: Mapping[str, Any], tools: Tools) -> Mapping[str, Any]:
    """What the pods of a Job have summed up by now, all parts together; empty where nothing can be read."""
    parts: dict[str, Part] = {}
    read(made, newest_pods(made, tools), parts, tools)
    return together([part.summary for part in parts.values()])


def read(made: Mapping[str, Any], pods: Mapping[str, Mapping[str, Any]], parts: dict[str, Part], tools: Tools) -> bool:
    """Whether one of them has begun."""
    begun = {index: pod for index, pod in pods.items() if not _waits(pod)}
    for index, pod in begun.items():
        if not is_cut_off(pod):
            parts.setdefault(index, Part()).read(made, pod, tools)
    return bool(begun)


def _waits(pod: Mapping[str, Any]) -> bool:
    return bool((pod.get("status") or {}).get("phase", "Pending") == "Pending")


def records(parts: Iterable[Part]) -> dict[str, Any]:
    """For the journal: undo believes the records on the volume by their digests."""
    return {"records": [record for part in parts for record in part.records]}


def began_with(parts: Iterable[Part]) -> dict[str, Any]:
    """For the journal: what did the work."""
    started = next((part.started for part in parts if part.started), None)
    if started is None:
        return {}
    return {"tool": started.tool, **({"python": started.python} if started.python else {})}


def refused(parts: Collection[Part]) -> dict[str, Any]:
    """The code of a part that did not begin, where none of them did."""
    codes = [part.refusal.code for part in parts if part.refusal and not part.summary]
    return {"code": codes[0]} if codes and len(codes) == len(parts) else {}


def newest_pods(made: Mapping[str, Any], tools: Tools) -> dict[str, dict[str, Any]]:
    """Of those that the Job made, by the index of their part."""
    newest: dict[str, dict[str, Any]] = {}
    namespace, name = made["metadata"]["namespace"], made["metadata"]["name"]
    pods = tools.reader.list(PODS, namespace, label_selector=f"batch.kubernetes.io/job-name={name}")
    ours = (pod for pod in pods if own_jobs.owns(made, pod))
    for pod in sorted(ours, key=lambda pod: str(pod["metadata"].get("creationTimestamp", ""))):
        newest[(pod["metadata"].get("annotations") or {}).get(_INDEX, "0")] = pod
    return newest


def together(told: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Counts are added up; each part counts its own entries only."""
    told = [one for one in told if one]
    if not told[1:]:
        return told[0] if told else {}
    return {
        **told[-1],
        **{name: sum(one.get(name) or 0 for one in told) for name in _COUNTS},
        "seconds": max(one.get("seconds") or 0 for one in told),
        **{name: [entry for one in told for entry in one.get(name) or ()] for name in ("moved_aside", "records")},
        "mode_bits": mode_bits(told),
    }


def mode_bits(told: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    found: dict[str, dict[str, Any]] = {}
    for what, owned in ((what, owned) for one in told for what, owned in (one.get("mode_bits") or {}).items()):
        before = found.get(what, {"count": 0, "samples": []})
        samples = [*before["samples"], *(owned.get("samples") or ())][:_SAMPLES]
        found[what] = {"count": before["count"] + (owned.get("count") or 0), "samples": samples}
    return found


def bits_lost(summary: Mapping[str, Any]) -> dict[str, Any]:
    """`bits_lost`: which files have lost setuid or setgid bits, if any have."""
    dropped = (summary.get("mode_bits") or {}).get("dropped") or {}
    return {"bits_lost": dropped} if dropped.get("count") else {}


def ended_well(parts: Collection[Part], of: int) -> bool:
    """Whether all the parts that there are told that they did all of their work."""
    return len(parts) == of and all(part.summary.get("complete") for part in parts)


def why_failed(parts: Iterable[Part], reason: str) -> str:
    told = [part for part in parts if part.pod]
    speaking = [part for part in told if part.summary.get("message") or part.refusal]
    part = next(iter([*speaking, *told]), Part())
    said = str(part.summary.get("message") or (part.refusal.message if part.refusal else ""))
    counts = together([each.summary for each in told])
    changed, failed = counts.get("changed"), counts.get("failed")
    numbers = f" It changed {entries(changed)} and could not change {failed:,}." if changed and failed else ""
    where = f" (pod {part.pod})" if part.pod else ""
    return f"The ownership Job failed{where}: {name(said) or repeated(reason)}{numbers}"
