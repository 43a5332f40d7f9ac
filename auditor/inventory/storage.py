"""The claims that hold the product's data, and what lies behind them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from auditor.inventory.asking import Json, Look, reading
from auditor.inventory.config import config
from auditor.inventory.releases import helm
from auditor.inventory.workload import workload
from auditor.model.helm import HelmRecord
from auditor.model.kubernetes import CLAIMS, CSI_DRIVERS, STORAGE_CLASSES, VOLUMES, Access, ObjectRef
from auditor.model.product import Product
from auditor.model.seen import NotSeenError, Unseen
from auditor.model.snapshot import Claim, Config, Facet, Volume
from auditor.questions.gcfg import setting
from auditor.questions.pod_spec import container
from auditor.questions.values import effective

DATA_DIRECTORY: Final = {
    # Server.DataDir unless the configuration says otherwise (charts/*/values.yaml, sharedStorage.path).
    Product.CONNECT: "/var/lib/rstudio-connect",
    Product.PACKAGE_MANAGER: "/var/lib/rstudio-pm",
}
_LOCAL: Final = frozenset({"configMap", "downwardAPI", "emptyDir", "projected", "secret"})
"""Volumes that live and die with the pod (https://kubernetes.io/docs/concepts/storage/volumes/)."""
_SECRETIVE: Final = re.compile(r"pass|secret|token|credential|key", re.IGNORECASE)


class DataMount(msgspec.Struct, frozen=True, kw_only=True):
    """One claim where the server's container has it."""

    claim: str
    path: str
    sub_path: str = ""
    elsewhere: tuple[str, ...] = ()
    """Where it has other directories of the same claim."""


@reading(Facet.CLAIMS, Access(CLAIMS, ("get",)), needs=(workload,))
def claims(look: Look) -> tuple[Claim, ...]:
    return tuple(_claim(look, mount) for mount in data_mounts(look))


@reading(Facet.VOLUMES, Access(VOLUMES, ("get",)), needs=(claims,))
def volumes(look: Look) -> tuple[Volume, ...]:
    bound = [(claim, look.ask.get(VOLUMES, "", claim.volume_name)) for claim in claims(look) if claim.volume_name]
    return tuple(
        Volume(
            name=claim.volume_name,
            claim=claim.ref.name,
            spec=_without_passwords(body["spec"]),
            annotations=body["metadata"].get("annotations") or {},
            row=look.catalog.storage(body),
        )
        for claim, body in bound
        if body
    )


@reading(Facet.STORAGE_CLASSES, Access(STORAGE_CLASSES, ("get",)), needs=(claims,))
def storage_classes(look: Look) -> Mapping[str, Mapping[str, Any]]:
    names = {claim.storage_class for claim in claims(look) if claim.storage_class}
    bodies = {name: look.ask.get(STORAGE_CLASSES, "", name) for name in sorted(names)}
    return {
        name: _without_passwords({field: value for field, value in body.items() if field != "metadata"})
        for name, body in bodies.items()
        if body
    }


@reading(Facet.CSI_DRIVERS, Access(CSI_DRIVERS, ("get",)), needs=(volumes,))
def csi_drivers(look: Look) -> Mapping[str, Mapping[str, Any]]:
    names = {volume.spec["csi"]["driver"] for volume in volumes(look) if "csi" in volume.spec}
    bodies = {name: look.ask.get(CSI_DRIVERS, "", name) for name in sorted(names)}
    return {name: body["spec"] for name, body in bodies.items() if body}


def data_mounts(look: Look) -> tuple[DataMount, ...]:
    """One per claim: those that the pod mounts as its data, then the one that the values ask for."""
    mounts = mounted(look)
    record = helm.or_unseen(look)
    if isinstance(record, Unseen) and not mounts:
        raise NotSeenError(record)
    demanded = _demanded(look, record) if isinstance(record, HelmRecord) else None
    if demanded and not any(mount.claim == demanded.claim for mount in mounts):
        mounts += (demanded,)
    return mounts


def mounted(look: Look) -> tuple[DataMount, ...]:
    """What the pod mounts at, above or below its data directory. Raises NotSeenError where that lies on another volume
    than a claim's, or nobody may see where it is."""
    deployment = workload(look)
    if deployment is None:
        return ()
    spec, product = deployment.pod_spec.reveal(), look.found.product
    volumes = {volume["name"]: volume for volume in spec.get("volumes") or ()}
    own = f"{product.value}-data"
    directory = _data_directory(look, charted=own in volumes)
    mounts: list[Json] = list(container(spec, product.container).get("volumeMounts") or ())
    mounts.sort(key=lambda one: len(one["mountPath"]))
    holding = next((one for one in reversed(mounts) if _is_at_or_below(directory, one["mountPath"])), None)
    volume = volumes.get(holding["name"]) if holding else None
    if volume and not (_LOCAL | {"persistentVolumeClaim"}).intersection(volume):
        raise NotSeenError(_on_another_volume(look, directory, volume))
    found: dict[str, DataMount] = {}
    for one in mounts:
        claim = (volumes.get(one["name"]) or {}).get("persistentVolumeClaim", {}).get("claimName", "")
        path, sub_path = one["mountPath"].rstrip("/"), one.get("subPath", "")
        if one is holding and one["name"] != own:
            # The volume may hold other things too: ours are in the data directory.
            sub_path = f"{sub_path}/{directory.removeprefix(path)}".replace("//", "/").strip("/")
            path = directory
        if claim and (one["name"] == own or _is_at_or_below(path, directory)):
            found[claim] = _with(found.get(claim), DataMount(claim=claim, path=path, sub_path=sub_path))
    return tuple(found.values())


def _is_at_or_below(path: str, directory: str) -> bool:
    return f"{path.rstrip('/')}/".startswith(f"{directory.rstrip('/')}/")


def _with(before: DataMount | None, mount: DataMount) -> DataMount:
    if before is None:
        return mount
    if not before.sub_path or _is_at_or_below(mount.sub_path, before.sub_path):
        return before  # which shows it already
    return msgspec.structs.replace(before, elsewhere=(*before.elsewhere, mount.path))


def _on_another_volume(look: Look, directory: str, volume: Json) -> Unseen:
    kinds = " or ".join(sorted(volume.keys() - {"name"}))
    where = f"Deployment {look.namespace}/{look.found.fullname}"
    return Unseen(
        reason=f"{where} has its data directory {directory} on a volume of kind {kinds}, not on a claim, so neither its"
        " storage nor its files were looked at.",
        how=f"Look from its pod: kubectl --namespace {look.namespace} exec deploy/{look.found.fullname} --container"
        f" {look.found.product.container} -- ls -ln {directory}",
    )


def _data_directory(look: Look, *, charted: bool) -> str:
    """`charted`: the chart's own volume for data is there and tells by its name where they are."""
    configured = config.or_unseen(look)
    if isinstance(configured, Unseen) and not charted:
        raise NotSeenError(configured)
    own = setting(configured, "Server", "DataDir") if isinstance(configured, Config) else None
    return (own or "").strip('"').rstrip("/") or DATA_DIRECTORY[look.found.product]


def _demanded(look: Look, record: HelmRecord) -> DataMount | None:
    wanted = effective(record, "sharedStorage")
    if not isinstance(wanted, Mapping) or not (wanted.get("create") or wanted.get("mount")):
        return None
    return DataMount(
        claim=str(wanted.get("name") or f"{look.found.fullname}-shared-storage"),
        path=str(wanted.get("path") or DATA_DIRECTORY[look.found.product]),
        sub_path=str(wanted.get("subPath") or ""),
    )


def _claim(look: Look, mount: DataMount) -> Claim:
    ref = ObjectRef("PersistentVolumeClaim", look.namespace, mount.claim)
    body = look.ask.get(CLAIMS, ref.namespace, ref.name)
    if body is None:
        return Claim(ref=ref, mount_path=mount.path, sub_path=mount.sub_path, exists=False)
    metadata, spec, status = body["metadata"], body["spec"], body.get("status") or {}
    return Claim(
        ref=ref,
        mount_path=mount.path,
        sub_path=mount.sub_path,
        exists=True,
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        phase=status.get("phase", ""),
        access_modes=tuple(spec.get("accessModes") or ()),
        storage_class=spec.get("storageClassName") or "",
        volume_name=spec.get("volumeName", ""),
    )


def _without_passwords(spec: Json) -> Json:
    """SMB takes its password from a Secret, yet some write it among the mount options."""
    safe = dict(spec)
    if spec.get("mountOptions"):
        safe["mountOptions"] = [_named_only(option) for option in spec["mountOptions"]]
    for place in ("parameters", "csi"):
        if isinstance(spec.get(place), dict):
            safe[place] = _without_secretive(spec[place])
    return safe


def _named_only(option: str) -> str:
    name, equals, _ = option.partition("=")
    return f"{name}=<withheld>" if equals and _SECRETIVE.search(name) else option


def _without_secretive(fields: Json) -> Json:
    """Names of Secrets and their namespaces stay: they are what such a field should hold."""
    return {
        key: _without_secretive(value)
        if isinstance(value, dict)
        else "<withheld>"
        if _SECRETIVE.search(key) and not re.search(r"name(space)?$|ref$", key, re.IGNORECASE)
        else value
        for key, value in fields.items()
    }
