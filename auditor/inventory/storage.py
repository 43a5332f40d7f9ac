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
from auditor.model.snapshot import Claim, Config, Facet, Volume
from auditor.questions.gcfg import setting
from auditor.questions.pod_spec import container
from auditor.questions.values import effective

DATA_DIRECTORY: Final = {
    # Server.DataDir unless the configuration says otherwise (charts/*/values.yaml, sharedStorage.path).
    Product.CONNECT: "/var/lib/rstudio-connect",
    Product.PACKAGE_MANAGER: "/var/lib/rstudio-pm",
}
_SECRETIVE: Final = re.compile(r"pass|secret|token|credential|key", re.IGNORECASE)


class DataMount(msgspec.Struct, frozen=True, kw_only=True):
    """One claim where the server's container has it."""

    claim: str
    path: str
    sub_path: str = ""


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
    """One per claim: those that the pod mounts as or below its data directory, then the one that the values ask for."""
    mounts = mounted(look)
    demanded = _demanded(look)
    if demanded and not any(mount.claim == demanded.claim for mount in mounts):
        mounts += (demanded,)
    return mounts


def mounted(look: Look) -> tuple[DataMount, ...]:
    deployment = workload(look)
    if deployment is None:
        return ()
    spec, product = deployment.pod_spec.reveal(), look.found.product
    claim_of = {
        volume["name"]: volume["persistentVolumeClaim"]["claimName"]
        for volume in spec.get("volumes") or ()
        if "persistentVolumeClaim" in volume
    }
    directory = _data_directory(look)
    found: dict[str, DataMount] = {}
    mounts = container(spec, product.container).get("volumeMounts") or ()
    for mount in sorted(mounts, key=lambda one: len(one["mountPath"])):
        path, volume = mount["mountPath"].rstrip("/"), mount["name"]
        if volume in claim_of and (volume == f"{product.value}-data" or f"{path}/".startswith(f"{directory}/")):
            claim = claim_of[volume]
            found.setdefault(claim, DataMount(claim=claim, path=path, sub_path=mount.get("subPath", "")))
    return tuple(found.values())


def _data_directory(look: Look) -> str:
    configured = config.or_unseen(look)
    own = setting(configured, "Server", "DataDir") if isinstance(configured, Config) else None
    return (own or "").strip('"').rstrip("/") or DATA_DIRECTORY[look.found.product]


def _demanded(look: Look) -> DataMount | None:
    record = helm.or_unseen(look)
    if not isinstance(record, HelmRecord):
        return None
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
