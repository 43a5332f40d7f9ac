"""A look into the data volumes, by a read-only command in a running pod that mounts them."""

from __future__ import annotations

import msgspec

from auditor.catalog.versions import order
from auditor.errors import Forbidden
from auditor.inventory import looking
from auditor.inventory.asking import Json, Look, reading
from auditor.inventory.looking import InPod
from auditor.inventory.releases import chart_version
from auditor.inventory.sight import JobSight
from auditor.inventory.storage import DataMount, mounted
from auditor.inventory.workload import pods, server_pods, workload
from auditor.model.kubernetes import PODS, Access, ObjectRef
from auditor.model.ownership import PACKAGE_MANAGER_USER as IMAGE_USER
from auditor.model.ownership import Owner, OwnershipProbe
from auditor.model.product import Product
from auditor.model.scope import ProbeMode
from auditor.model.seen import NotSeenError, Unseen
from auditor.model.snapshot import Facet
from auditor.model.target import Target
from auditor.questions.pod_spec import NOT_ROOT_SINCE, security_setting


@reading(Facet.OWNERSHIP, Access(PODS, ("create", "get"), "exec"), needs=(workload, pods))
def ownership(look: Look) -> tuple[OwnershipProbe, ...]:
    """One probe per claim that Package Manager mounts as data. Connect's server is root, and what root writes to has no
    wrong owner."""
    mounts = mounted(look) if look.found.product is Product.PACKAGE_MANAGER else ()
    if mounts and look.probe is ProbeMode.OFF:
        raise NotSeenError(
            Unseen(reason="Nobody looked into the volume, as --probe off asks.", how="Run with --probe auto.")
        )
    probe = _by_job if look.probe is ProbeMode.JOB else _probe
    return tuple(_in_several_places(look, mount) if mount.elsewhere else probe(look, mount) for mount in mounts)


def _in_several_places(look: Look, mount: DataMount) -> OwnershipProbe:
    claim = ObjectRef("PersistentVolumeClaim", look.namespace, mount.claim)
    places = " and ".join((mount.path, *mount.elsewhere))
    return _failed(
        claim,
        mount,
        reason=f"The server has several directories of {claim}, at {places}: a look can't tell them apart.",
        how=f"Look at each from a pod of Deployment {look.namespace}/{look.found.fullname}: ls -lnR",
    )


def _probe(look: Look, mount: DataMount) -> OwnershipProbe:
    claim = ObjectRef("PersistentVolumeClaim", look.namespace, mount.claim)
    pod = next((body for body in server_pods(look) if can_look(body, mount.claim)), None)
    if pod is None:
        return _failed(
            claim,
            mount,
            reason=f"No running and ready pod of {look.found.ref} mounts {claim}, so its files could not be looked at.",
            how=f"Scan again once a pod of Deployment {look.namespace}/{look.found.fullname} is ready, or with --probe"
            " job.",
        )
    inside = InPod(look.ask, look.namespace, pod["metadata"]["name"], look.found.product.container)
    try:
        return _look_into(look, inside, pod["spec"], claim, mount)
    except NotSeenError as error:
        if isinstance(error.__cause__, Forbidden):
            raise
        return _failed(claim, mount, reason=error.unseen.reason, how=error.unseen.how, pod=inside.pod)


def _by_job(look: Look, mount: DataMount) -> OwnershipProbe:
    """From what a Job saw; without that a probe that says so, and for whom a Job is to look."""
    claim = ObjectRef("PersistentVolumeClaim", look.namespace, mount.claim)
    deployment = workload(look)
    live = next((body["spec"] for body in server_pods(look)), dict(deployment.pod_spec.reveal()) if deployment else {})
    expected, because, version = _expected(look, live, _image_user(look, live))
    sight = look.sights.get(claim)
    if expected.uid != 0 and not isinstance(sight, JobSight):
        missing = Unseen(reason=f"No Job looked into {claim}.", how="Run with --probe job.")
        return OwnershipProbe(
            claim=claim,
            pod="",
            path=mount.path,
            expected=expected,
            expected_because=because,
            for_version=version,
            problem=sight or missing,
        )
    blank = OwnershipProbe(
        claim=claim, pod="", path=mount.path, expected=expected, expected_because=because, for_version=version
    )
    return _with_sight(blank, sight, live) if isinstance(sight, JobSight) else blank


def _image_user(look: Look, spec: Json) -> Owner:
    """Before 0.4.0 the chart leaves it to the image, which was root's then. Raises NotSeenError where nothing tells."""
    version = chart_version.or_unseen(look)
    if isinstance(version, Unseen):
        if security_setting(spec, look.found.product.container, "runAsUser") is None:
            raise NotSeenError(version)
        return IMAGE_USER
    return Owner(0, 0) if order(version) < order(NOT_ROOT_SINCE) else IMAGE_USER


def _look_into(look: Look, inside: InPod, spec: Json, claim: ObjectRef, mount: DataMount) -> OwnershipProbe:
    tools = looking.tools(inside, mount.path)
    expected, because, version = _expected(look, spec, tools.user)
    blank = OwnershipProbe(
        claim=claim,
        pod=inside.pod,
        path=mount.path,
        expected=expected,
        expected_because=because,
        for_version=version,
    )
    if expected.uid == 0:  # no owner is wrong for it, so there is nothing to look for
        return blank
    sight = (
        looking.with_python(inside, tools.python, mount.path, expected)
        if tools.python
        else looking.with_find(inside, mount.path, expected)
    )
    return _with_sight(blank, JobSight(tools, sight), spec)


def _with_sight(blank: OwnershipProbe, saw: JobSight, spec: Json) -> OwnershipProbe:
    return msgspec.structs.replace(
        blank,
        seen=saw.sight.seen,
        wrong=tuple(one for one in saw.sight.wrong if not _by_fs_group(one.owner, blank.expected, spec)),
        exhaustive=saw.sight.exhaustive,
        root_activations=saw.tools.root_activations,
        method="python" if saw.tools.python else "posix",
        python=saw.tools.python,
        limits=saw.tools.limits,
        detectable_share=saw.sight.detectable_share,
        detectable_directories=saw.sight.detectable_directories,
        estimated=saw.sight.estimated,
    )


def _expected(look: Look, spec: Json, actual: Owner) -> tuple[Owner, str, str]:
    """The owner, where that was read, and the chart version it is for where that is one to come."""
    expected, because = expected_owner(spec, look.found.product.container, actual)
    target = look.target if expected.uid == 0 and isinstance(look.target, Target) else None
    if target and isinstance(target.owner, Owner):
        return target.owner, f"the user that chart {target.version} runs it as", target.version
    return expected, because, target.version if target else ""


def expected_owner(spec: Json, container: str, actual: Owner) -> tuple[Owner, str]:
    """From the live pod's spec (an admission controller may have set more there than the Deployment says), and where
    that names nobody from `actual`, the user of a command in the container."""
    user = security_setting(spec, container, "runAsUser")
    group = security_setting(spec, container, "runAsGroup")
    uid = actual.uid if user is None else int(user)
    gid = int(group) if group is not None else IMAGE_USER.gid if uid == IMAGE_USER.uid else actual.gid
    named = [name for name, value in (("runAsUser", user), ("runAsGroup", group)) if value is not None]
    source = f"securityContext.{' and '.join(named)} of container {container}" if named else "the image's user"
    return Owner(uid, gid), source


def can_look(pod: Json, claim: str) -> bool:
    status = pod.get("status") or {}
    return (
        "deletionTimestamp" not in pod["metadata"]
        and status.get("phase") == "Running"
        and any(one["type"] == "Ready" and one["status"] == "True" for one in status.get("conditions") or ())
        and any(
            (volume.get("persistentVolumeClaim") or {}).get("claimName") == claim
            for volume in pod["spec"].get("volumes") or ()
        )
    )


def _by_fs_group(owner: Owner, expected: Owner, spec: Json) -> bool:
    """Where the kubelet applies fsGroup, the files' group is that one, and it would set it again."""
    return owner.uid == expected.uid and owner.gid == (spec.get("securityContext") or {}).get("fsGroup")


def _failed(claim: ObjectRef, mount: DataMount, *, reason: str, how: str, pod: str = "") -> OwnershipProbe:
    return OwnershipProbe(
        claim=claim,
        pod=pod,
        path=mount.path,
        expected=IMAGE_USER,
        expected_because="the image's own user",
        problem=Unseen(reason=reason, how=how),
    )
