"""What the pods of one object may do more than those of another: who writes its values may not be allowed to create
pods at all, and admission may depend on who asks. Pure, and total."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from auditor.questions.same import within

_HARMLESS: Final = frozenset({"name", "configMap", "secret", "emptyDir", "projected", "downwardAPI"})
"""Sources of volumes from the namespace's own objects, and a volume's name."""

Power = tuple[str, str]
"""What it is, and which one: only the first is printed."""


def gains(wanted: Mapping[str, Any], live: Mapping[str, Any] | None) -> tuple[str, ...]:
    """`live`: None where it does not exist."""
    try:
        more = {word for word, _ in set(_powers(wanted)) - set(_powers(live or {}))}
        held = list(_volumes(live or {}))
        # The API server adds defaults to what it was given.
        more |= {
            f"{kind} volume"
            for kind, source in _volumes(wanted)
            if not any(kind == other and within(source, theirs) for other, theirs in held)
        }
    except (AttributeError, KeyError, TypeError):
        return ("something that can't be read",)
    return tuple(sorted(more))


def _volumes(body: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for volume in _pod_spec(body).get("volumes") or ():
        yield from ((kind, volume[kind]) for kind in volume.keys() - _HARMLESS)


def _powers(body: Mapping[str, Any]) -> Iterator[Power]:
    spec = _pod_spec(body)
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(name):
            yield name, ""
    account = spec.get("serviceAccountName") or spec.get("serviceAccount") or "default"
    if spec and account != "default":
        yield "another service account", account
    yield from _context(spec.get("securityContext") or {})
    for kind in ("initContainers", "containers"):
        for container in spec.get(kind) or ():
            yield from _context(container.get("securityContext") or {})


def _pod_spec(body: Mapping[str, Any]) -> Mapping[str, Any]:
    spec = body.get("spec") or {}
    if body.get("kind") == "Pod":
        return spec
    job = (spec.get("jobTemplate") or {}).get("spec") or spec
    found: Mapping[str, Any] = (job.get("template") or {}).get("spec") or {}
    return found


def _context(context: Mapping[str, Any]) -> Iterator[Power]:
    if context.get("privileged"):
        yield "privileged", ""
    if context.get("runAsUser") == 0:
        yield "user 0", ""
    for capability in (context.get("capabilities") or {}).get("add") or ():
        yield "capabilities", capability
    if (context.get("seccompProfile") or {}).get("type") == "Unconfined":
        yield "no seccomp profile", ""
    if context.get("procMount") not in (None, "Default"):
        yield "procMount", ""
    for sysctl in context.get("sysctls") or ():
        yield "sysctls", str(sysctl.get("name"))
