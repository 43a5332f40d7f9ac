"""Conditions that the catalog's language can't say, by the name under which rows refer to them. Pure and total."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from auditor.catalog.situation import Situation
from auditor.catalog.versions import parse
from auditor.model.keypath import look_up

Predicate = Callable[[Situation, Mapping[str, Any]], bool]

_JOB_POD: Final = ("backends", "kubernetes", "defaultResourceJobBase", "spec", "template", "spec")
_SUBPATH_SINCE: Final = "2026.8.0"


def config_kubernetes_enabled_is_off(_: Situation, seen: Mapping[str, Any]) -> bool:
    """The chart compares the lower-cased text, so that a string, a boolean and a number all count."""
    value = look_up(seen, ("config", "Kubernetes", "Enabled"))
    text = "false" if value is False else "0" if value == 0 and not isinstance(value, bool) else value
    return isinstance(text, str) and text.lower() in {"false", "0"}


def config_kubernetes_namespace_differs(now: Situation, seen: Mapping[str, Any]) -> bool:
    given = look_up(seen, ("config", "Kubernetes", "Namespace"))
    wanted = look_up(seen, ("backends", "kubernetes", "namespace")) or now.namespace
    return bool(given) and given != wanted


def content_namespace_is_another(now: Situation, seen: Mapping[str, Any]) -> bool:
    given = look_up(seen, ("backends", "kubernetes", "namespace"))
    return isinstance(given, str) and given not in {"", now.namespace}


def connect_is_older_than_subpath(now: Situation, seen: Mapping[str, Any]) -> bool:
    """The chart looks at versionOverride and its own appVersion, never at image.tag."""
    version = look_up(seen, ("versionOverride",)) or now.app_version
    parsed = parse(version) if isinstance(version, str) else None
    wanted = parse(_SUBPATH_SINCE)
    return parsed is not None and wanted is not None and parsed < wanted


def version_override_is_no_version(_: Situation, seen: Mapping[str, Any]) -> bool:
    value = look_up(seen, ("versionOverride",))
    return bool(value) and not (isinstance(value, str) and _SEMVER.fullmatch(value))


def init_mount_is_reserved(_: Situation, seen: Mapping[str, Any]) -> bool:
    return any(
        mount.get("mountPath") == "/mnt/rstudio-connect-runtime/" and mount.get("name") != "rsc-volume"
        for mount in _mounts(seen, "initContainers", "connect-content-init")
    )


def content_mount_is_reserved(_: Situation, seen: Mapping[str, Any]) -> bool:
    runtime = look_up(seen, ("config", "Kubernetes", "ConnectRuntimeDir")) or "/opt/rstudio-connect-runtime"
    return any(
        mount.get("mountPath") == runtime and mount.get("name") != "rsc-volume"
        for mount in _mounts(seen, "containers", "connect-content")
    )


def content_mount_replaces_runtime(_: Situation, seen: Mapping[str, Any]) -> bool:
    """Until chart 0.20.6, whose runtime lies at /opt/rstudio-connect."""
    return any(
        mount.get("mountPath") == "/opt/rstudio-connect" and mount.get("name") != "rsc-volume"
        for mount in _mounts(seen, "containers", "connect-content")
    )


def content_mount_hides_install(_: Situation, seen: Mapping[str, Any]) -> bool:
    return any(
        mount.get("mountPath") == "/opt/rstudio-connect" for mount in _mounts(seen, "containers", "connect-content")
    )


def execution_environment_is_unnamed(_: Situation, seen: Mapping[str, Any]) -> bool:
    given = look_up(seen, ("executionEnvironments",))
    entries = given.values() if isinstance(given, Mapping) else given if isinstance(given, list) else ()
    return any(isinstance(entry, Mapping) and not entry.get("name") for entry in entries)


def profile_override_is_incomplete(_: Situation, seen: Mapping[str, Any]) -> bool:
    profiles = look_up(seen, ("launcher", "launcherKubernetesProfilesConf"))
    given = [
        override
        for profile in (profiles.values() if isinstance(profiles, Mapping) else ())
        if isinstance(profile, Mapping) and isinstance(profile.get("job-json-overrides"), list)
        for override in profile["job-json-overrides"]
    ]
    return any(isinstance(o, Mapping) and not {"name", "json", "target"} <= o.keys() for o in given)


def mounted_path_is_not_data_dir(_: Situation, seen: Mapping[str, Any]) -> bool:
    path = look_up(seen, ("sharedStorage", "path"))
    data = look_up(seen, ("config", "Server", "DataDir"))
    return isinstance(path, str) and isinstance(data, str) and path.rstrip("/") != data.rstrip("/")


def server_can_sandbox(_: Situation, seen: Mapping[str, Any]) -> bool:
    added = look_up(seen, ("securityContext", "capabilities", "add"))
    capable = isinstance(added, list) and any(name in {"SYS_ADMIN", "CAP_SYS_ADMIN"} for name in added)
    return capable or bool(look_up(seen, ("securityContext", "privileged")))


def service_annotation_is_no_string(_: Situation, seen: Mapping[str, Any]) -> bool:
    annotations = look_up(seen, ("service", "annotations"))
    return isinstance(annotations, Mapping) and any(not isinstance(v, str) for v in annotations.values())


def ports_differ(_: Situation, seen: Mapping[str, Any]) -> bool:
    """Only where the user touched one of them; a named port is never compared."""
    probes = [p for p in ("readinessProbe", "livenessProbe", "startupProbe") if look_up(seen, (p, "enabled"))]
    given = [look_up(seen, ("pod", "port")), look_up(seen, ("service", "targetPort"))]
    given += [look_up(seen, (probe, "httpGet", "port")) for probe in probes]
    listen = look_up(seen, ("config", "HTTP", "Listen"))
    given.append(listen.rpartition(":")[2] if isinstance(listen, str) else None)
    return len({str(port) for port in given if _is_port(port)}) > 1


def product_is_pinned_older(now: Situation, seen: Mapping[str, Any]) -> bool:
    given = look_up(seen, ("image", "tag")) or look_up(seen, ("versionOverride",))
    found = re.search(r"20[0-9]{2}\.[0-9]{1,2}\.[0-9]+", given) if isinstance(given, str) else None
    pinned, wanted = parse(found[0]) if found else None, parse(now.app_version or "")
    return pinned is not None and wanted is not None and pinned.release < wanted.release[:3]


def license_has_several_sources(_: Situation, seen: Mapping[str, Any]) -> bool:
    file = look_up(seen, ("license", "file", "secret")) or look_up(seen, ("license", "file", "contents"))
    sources = (look_up(seen, ("license", "key")), look_up(seen, ("license", "server")), file)
    return sum(map(bool, sources)) > 1


def executables_not_in_image(now: Situation, _: Mapping[str, Any]) -> bool:
    """Images of chart 0.20.0 and later hold one Python, of a 3.14 release; the exact path moves with the product."""
    given = look_up(now.user, ("config", "Python", "Executable"))
    paths = given if isinstance(given, list) else [given]
    return any(isinstance(path, str) and not path.startswith("/opt/python/3.14.") for path in paths)


def quarto_not_in_image(now: Situation, _: Mapping[str, Any]) -> bool:
    return look_up(now.user, ("config", "Quarto", "Executable")) != "/usr/local/bin/quarto"


def command_has_several_words(_: Situation, seen: Mapping[str, Any]) -> bool:
    return _is_long_list(look_up(seen, ("command",)))


def args_has_several_words(_: Situation, seen: Mapping[str, Any]) -> bool:
    return _is_long_list(look_up(seen, ("args",)))


PREDICATES: Final[dict[str, Predicate]] = {
    predicate.__name__.replace("_", "-"): predicate
    for predicate in (
        config_kubernetes_enabled_is_off,
        config_kubernetes_namespace_differs,
        content_namespace_is_another,
        connect_is_older_than_subpath,
        version_override_is_no_version,
        init_mount_is_reserved,
        content_mount_is_reserved,
        content_mount_replaces_runtime,
        content_mount_hides_install,
        execution_environment_is_unnamed,
        profile_override_is_incomplete,
        mounted_path_is_not_data_dir,
        server_can_sandbox,
        service_annotation_is_no_string,
        ports_differ,
        product_is_pinned_older,
        license_has_several_sources,
        executables_not_in_image,
        quarto_not_in_image,
        command_has_several_words,
        args_has_several_words,
    )
}


def _is_port(value: object) -> bool:
    return (isinstance(value, str) and value.isdecimal()) or (isinstance(value, int) and not isinstance(value, bool))


def _is_long_list(value: object) -> bool:
    return isinstance(value, list) and len(value) > 1


_SEMVER: Final = re.compile(
    r"v?[0-9]+(\.[0-9]+)?(\.[0-9]+)?(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?"
)


def _mounts(seen: Mapping[str, Any], group: str, name: str) -> Iterator[Mapping[str, Any]]:
    containers = look_up(seen, (*_JOB_POD, group))
    for container in containers if isinstance(containers, list) else ():
        if isinstance(container, Mapping) and container.get("name") == name:
            mounts = container.get("volumeMounts")
            yield from (m for m in (mounts if isinstance(mounts, list) else ()) if isinstance(m, Mapping))
