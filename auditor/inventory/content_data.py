"""What content mounts of Connect's data, and whether the user that it runs as gets at it.

Which directories and which user is read from the Jobs and pods of content that are there: Connect itself writes their
sub-paths and users, and no document names all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from auditor.inventory.asking import Json, Look, reading
from auditor.inventory.config import config
from auditor.inventory.content import CONTENT_CONTAINERS, Started, content, started
from auditor.inventory.looking import InPod
from auditor.inventory.ownership import can_look
from auditor.inventory.reach import MOST_DIRECTORIES, Reach, Wish, reach
from auditor.inventory.storage import DataMount, mounted
from auditor.inventory.workload import pods, server_pods, workload
from auditor.model.kubernetes import PODS, Access, ObjectRef
from auditor.model.ownership import ContentData, ContentDirectory, Owner
from auditor.model.scope import ProbeMode
from auditor.model.seen import NotSeenError, Unseen
from auditor.model.snapshot import Facet
from auditor.questions.content import data_claim
from auditor.questions.pod_spec import container, security_setting
from auditor.worker import messages

_ROOT: Final = 0
_COMPARE: Final = "Compare sharedStorage.subPath with the volumeMounts of the content's pod."


@reading(Facet.CONTENT_DATA, Access(PODS, ("create", "get"), "exec"), needs=(content, workload, pods))
def content_data(look: Look) -> ContentData | None:
    """By a command in the server's pod also where Jobs were asked for: it alone has what content has, and sees all."""
    running = content(look)
    if running is None or running.mode == "local":
        return None
    rendered, servers = config(look), {mount.claim: mount for mount in mounted(look)}
    if rendered is None or not servers:
        return None
    named = data_claim(rendered)
    if running.namespace != look.namespace:
        # A claim of content's own namespace, with the same data behind it: that is what Connect is told its name for.
        servers = {named: servers.get(named) or next(iter(servers.values()))}
    bodies = sorted(started(look, rendered), key=lambda one: one.created, reverse=True)
    found = _merged(mount for body in bodies for mount in _mounts(body, servers, look.namespace))
    if found and look.probe is ProbeMode.OFF:
        raise NotSeenError(
            Unseen(reason="Nobody looked into Connect's data, as --probe off asks.", how="Run with --probe auto.")
        )
    looked_into = tuple(_looked_into(look, found[:MOST_DIRECTORIES]))
    return ContentData(directories=looked_into, left_out=len(found[MOST_DIRECTORIES:]))


class _Mount(msgspec.Struct, frozen=True, kw_only=True):
    directory: ContentDirectory
    whole: bool
    """It is all that the server has there."""
    running: bool


def _mounts(body: Started, servers: Mapping[str, DataMount], namespace: str) -> Iterator[_Mount]:
    """Each mount of Connect's data in the container that runs the content. Nothing is shut to root."""
    name = next((one["name"] for one in body.spec["containers"] if one["name"] in CONTENT_CONTAINERS), "")
    sources = {one["name"]: one["persistentVolumeClaim"] for one in _volumes(body.spec)}
    user, groups = _identity(body.spec, name)
    for mount in container(body.spec, name).get("volumeMounts") or ():
        source = sources.get(mount["name"]) or {}
        server = servers.get(source.get("claimName", ""))
        if server is None or "subPathExpr" in mount or (user and user.uid == _ROOT):
            continue
        sub_path, above = (path.strip("/") for path in (mount.get("subPath") or "", server.sub_path))
        directory = ContentDirectory(
            claim=ObjectRef("PersistentVolumeClaim", namespace, server.claim),
            path=_path(server.path, above, sub_path),
            sub_path=sub_path,
            used_by=body.name,
            user=user,
            groups=groups,
            writes=not (mount.get("readOnly") or source.get("readOnly")),
        )
        yield _Mount(directory=directory, whole=sub_path == above, running=body.running)


def _volumes(spec: Json) -> Sequence[Any]:
    return [one for one in spec.get("volumes") or () if one.get("persistentVolumeClaim")]


def _identity(spec: Json, name: str) -> tuple[Owner | None, tuple[int, ...]]:
    """The user with its group, None where the spec leaves one of them to the image; and its further groups."""
    user, group = (security_setting(spec, name, key) for key in ("runAsUser", "runAsGroup"))
    pod = spec.get("securityContext") or {}
    groups = (*(pod.get("supplementalGroups") or ()), *([pod["fsGroup"]] if "fsGroup" in pod else ()))
    if user == _ROOT and group is None:
        group = _ROOT
    known = user is not None and group is not None
    return (Owner(int(user), int(group)) if known else None), tuple(sorted({int(one) for one in groups}))


def _path(path: str, above: str, sub_path: str) -> str:
    """Where the server, which has `above` of the volume at `path`, has `sub_path`; "" for what lies elsewhere."""
    if above and sub_path != above and not sub_path.startswith(f"{above}/"):
        return ""
    return f"{path}/{sub_path.removeprefix(above).strip('/')}".rstrip("/")


def _merged(mounts: Iterator[_Mount]) -> list[_Mount]:
    """One per directory and user, however many run there."""
    same: dict[tuple[object, ...], list[_Mount]] = {}
    for mount in mounts:
        one = mount.directory
        same.setdefault((one.claim, one.sub_path, one.user, one.groups), []).append(mount)
    return [_one_of(group) for group in same.values()]


def _one_of(mounts: Sequence[_Mount]) -> _Mount:
    users = list(dict.fromkeys(mount.directory.used_by for mount in mounts))
    more = f" and {len(users) - 1} more" if len(users) > 1 else ""
    writes = any(mount.directory.writes for mount in mounts)
    return _Mount(
        directory=msgspec.structs.replace(mounts[0].directory, writes=writes, used_by=f"{users[0]}{more}"),
        whole=mounts[0].whole,
        running=any(mount.running for mount in mounts),
    )


def _looked_into(look: Look, mounts: Sequence[_Mount]) -> Iterator[ContentDirectory]:
    plain = [(mount, _wish(mount)) for mount in mounts]
    wishes = [wish for _, wish in plain if isinstance(wish, Wish)]
    answers = iter(_answers(look, mounts[0].directory.claim, wishes) if wishes else ())
    for mount, wish in plain:
        told = wish if isinstance(wish, Unseen) else next(answers)
        if told is not None:
            yield _with(mount.directory, told)
        elif mount.running:
            yield _with(mount.directory, _not_there(mount.directory))
        # Content that ended may have taken its directory with it.


def _wish(mount: _Mount) -> Wish | Unseen:
    one = mount.directory
    if one.user is None:
        return Unseen(
            reason=f"{one.used_by} leaves to its image as which user or group it runs.",
            how="Run id in a pod of that content.",
        )
    if not one.path:
        return Unseen(
            reason=f"{one.used_by} mounts {one.sub_path or 'the top'} of the volume behind {one.claim}, which lies"
            " outside of what the server mounts.",
            how=_COMPARE,
        )
    if mount.whole:
        return Unseen(
            reason=f"{one.used_by} mounts all of Connect's data, and what of it is its own is not known.",
            how="Look from a pod of that content at the directories that it uses.",
        )
    return Wish(one.path, one.user, one.groups)


def _answers(
    look: Look, claim: ObjectRef, wishes: Sequence[Wish]
) -> Sequence[tuple[messages.Started, Reach] | Unseen | None]:
    pod = next((body for body in server_pods(look) if can_look(body, claim.name)), None)
    if pod is None:
        missing = Unseen(
            reason=f"No running and ready pod of {look.found.ref} mounts {claim}, so its files could not be looked at.",
            how=f"Scan again once a pod of Deployment {look.namespace}/{look.found.fullname} is ready.",
        )
        return [missing] * len(wishes)
    inside = InPod(look.ask, look.namespace, pod["metadata"]["name"], look.found.product.container)
    started, found = reach(inside, wishes)
    return [None if one is None else (started, one) for one in found]


def _not_there(one: ContentDirectory) -> Unseen:
    return Unseen(
        reason=f"{one.used_by} mounts {one.sub_path}, and the server finds no directory {one.path}.",
        how=_COMPARE,
    )


def _with(one: ContentDirectory, told: tuple[messages.Started, Reach] | Unseen) -> ContentDirectory:
    if isinstance(told, Unseen):
        return msgspec.structs.replace(one, problem=told)
    started, saw = told
    return msgspec.structs.replace(
        one,
        method=started.tool,
        python=started.python,
        limits=started.limits,
        **{name: getattr(saw, name) for name in Reach.__struct_fields__},
    )
