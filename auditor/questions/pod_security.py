"""What a Pod Security level refuses of a pod's spec.
https://kubernetes.io/docs/concepts/security/pod-security-standards/"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, Literal

import msgspec

from auditor.model.keypath import MISSING, look_up, split_key

Spec = Mapping[str, Any]


class Control(msgspec.Struct, frozen=True):
    """`refused` gives what of a field's value is too much, "" for nothing. `where`: in the pod's own spec, in each
    container, in each of them by itself, or as in force in a container, which takes from the pod what it doesn't set.
    """

    key: str
    where: Literal["pod", "container", "each", "in force"]
    refused: Callable[[Any], str]
    expected: str


def _shown(value: Any) -> str:
    return "not set" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _unless(*admitted: Any) -> Callable[[Any], str]:
    return lambda value: "" if value in admitted else _shown(value)


def _beyond(*admitted: str) -> Callable[[Iterable[str] | None], str]:
    return lambda names: ", ".join(sorted(set(names or ()) - {*admitted}))


def _volumes(refused: Callable[[str], bool]) -> Callable[[Any], str]:
    def told(volumes: Any) -> str:
        kinds = {f"{one['name']} ({kind})" for one in volumes or () for kind in one if kind != "name" and refused(kind)}
        return ", ".join(sorted(kinds))

    return told


def _host_ports(ports: Any) -> str:
    return ", ".join(str(one["hostPort"]) for one in ports or () if one.get("hostPort"))


def _sysctls(sysctls: Any) -> str:
    return _beyond(*_SYSCTLS)(one["name"] for one in sysctls or ())


_CAPABILITIES: Final = (
    *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP"),
    *("SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
)
_SYSCTLS: Final = (
    *("kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_local_reserved_ports"),
    *("net.ipv4.ip_unprivileged_port_start", "net.ipv4.ping_group_range", "net.ipv4.tcp_fin_timeout"),
    *("net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_keepalive_time"),
    *("net.ipv4.tcp_rmem", "net.ipv4.tcp_syncookies", "net.ipv4.tcp_wmem"),
)
_SELINUX_TYPES: Final = ("container_t", "container_init_t", "container_kvm_t", "container_engine_t")
_VOLUMES: Final = frozenset(
    ("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret")
)
_BASELINE: Final = (
    *(Control(key, "pod", _unless(None, False), "not set") for key in ("hostNetwork", "hostPID", "hostIPC")),
    Control("volumes", "pod", _volumes(lambda kind: kind == "hostPath"), "no hostPath"),
    Control("securityContext.sysctls", "pod", _sysctls, "safe ones alone"),
    Control("securityContext.privileged", "container", _unless(None, False), "not set"),
    Control("securityContext.procMount", "container", _unless(None, "Default"), "not set"),
    Control("securityContext.capabilities.add", "container", _beyond(*_CAPABILITIES), "none of these"),
    Control("ports", "container", _host_ports, "no hostPort"),
    Control("securityContext.windowsOptions.hostProcess", "each", _unless(None, False), "not set"),
    Control("securityContext.seccompProfile.type", "each", _unless(None, "RuntimeDefault", "Localhost"), "not set"),
    Control("securityContext.appArmorProfile.type", "each", _unless(None, "RuntimeDefault", "Localhost"), "not set"),
    Control("securityContext.seLinuxOptions.type", "each", _unless(None, "", *_SELINUX_TYPES), "not set"),
    Control("securityContext.seLinuxOptions.user", "each", _unless(None, ""), "not set"),
    Control("securityContext.seLinuxOptions.role", "each", _unless(None, ""), "not set"),
)
_RESTRICTED: Final = (
    *_BASELINE,
    Control("volumes", "pod", _volumes(lambda kind: kind not in _VOLUMES), "no volumes of these kinds"),
    Control("securityContext.allowPrivilegeEscalation", "container", _unless(False), "false"),
    Control("securityContext.capabilities.add", "container", _beyond("NET_BIND_SERVICE"), "NET_BIND_SERVICE or none"),
    Control(
        "securityContext.capabilities.drop", "container", lambda drop: "" if "ALL" in (drop or ()) else "not ALL", "ALL"
    ),
    Control("securityContext.runAsUser", "each", lambda user: "0" if user == 0 else "", "a user other than 0"),
    Control("securityContext.runAsNonRoot", "each", _unless(None, True), "true"),
    Control("securityContext.runAsNonRoot", "in force", _unless(True), "true"),
    Control(
        "securityContext.seccompProfile.type",
        "in force",
        _unless("RuntimeDefault", "Localhost"),
        "RuntimeDefault or Localhost",
    ),
)
_LEVELS: Final[Mapping[str, tuple[Control, ...]]] = {"baseline": _BASELINE, "restricted": _RESTRICTED}


class Refusal(msgspec.Struct, frozen=True):
    field: str
    observed: str
    expected: str


def refusals(level: str, spec: Spec) -> tuple[Refusal, ...]:
    """One per field of the pod's spec; a stricter level's word wins."""
    found = {one.field: one for control in _LEVELS.get(level, ()) for one in _refusals(control, spec)}
    return tuple(found.values())


def admitting(spec: Spec) -> tuple[str, ...]:
    """The levels that admit it, the strictest first."""
    return (*(level for level in ("restricted", "baseline") if not refusals(level, spec)), "privileged")


def _refusals(control: Control, spec: Spec) -> Iterator[Refusal]:
    for where, level in _places(control, spec):
        value = _at(level, control.key)
        if value is None and control.where == "in force":
            value = _at(spec, control.key)
        if observed := control.refused(value):
            yield Refusal(f"{where}{control.key}", observed, control.expected)


def _places(control: Control, spec: Spec) -> Iterator[tuple[str, Spec]]:
    if control.where in ("pod", "each"):
        yield "", spec
    if control.where != "pod":
        for kind in ("initContainers", "containers"):
            for one in spec.get(kind) or ():
                yield f"{kind}[{one['name']}].", one


def _at(level: Spec, key: str) -> Any:
    found = look_up(level, split_key(key))
    return None if found is MISSING else found
