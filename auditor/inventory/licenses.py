"""The Secrets that a release takes its license from: their keys' names and shapes, never their values."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from auditor.inventory.asking import Json, Look, reading
from auditor.inventory.releases import helm
from auditor.inventory.workload import workload
from auditor.model.helm import HelmRecord
from auditor.model.keypath import look_up
from auditor.model.kubernetes import SECRETS, Access, ObjectRef
from auditor.model.seen import NotSeenError, Unseen
from auditor.model.snapshot import Facet, LicenseSecret, SecretKey
from auditor.questions.license import VARIABLES
from auditor.questions.license import sources as license_sources
from auditor.questions.pod_spec import container
from auditor.questions.values import effective_values

_VOLUME: Final = "license-file"
_DEFAULT_KEY: Final = "license.lic"


class Source(msgspec.Struct, frozen=True):
    kind: str
    secret: str
    key: str


@reading(Facet.LICENSE_SECRETS, Access(SECRETS, ("get",)), needs=(workload,))
def license_secrets(look: Look) -> tuple[LicenseSecret, ...]:
    deployment, record = workload(look), helm.or_unseen(look)
    values = effective_values(record) if isinstance(record, HelmRecord) else {}
    sources = _of_pod(look, deployment.pod_spec.reveal(), values) if deployment else _of_values(values, look)
    return tuple(_secret(look, source) for source in dict.fromkeys(sources))


def _of_pod(look: Look, spec: Mapping[str, Any], values: Mapping[str, Any]) -> tuple[Source, ...]:
    """Raises NotSeenError where the license comes from elsewhere than a Secret that the spec names."""
    product = look.found.product
    server = container(spec, product.container)
    environment = {variable["name"]: variable for variable in server.get("env") or ()}
    chosen = [(environment.get(name, {}).get("valueFrom") or {}).get("secretKeyRef") for name in VARIABLES[product]]
    sources = [Source("key", one["name"], one["key"]) for one in chosen if one]
    volumes = {volume["name"]: volume for volume in spec.get("volumes") or ()}
    paths = [environment.get(f"{name}_FILE_PATH", {}).get("value", "") for name in VARIABLES[product]]
    elsewhere: list[str] = []
    for mount in server.get("volumeMounts") or ():
        folder = mount["mountPath"].rstrip("/")
        path = next((path for path in paths if f"{path}/".startswith(f"{folder}/")), "")
        if path or mount["name"] == _VOLUME:
            below = path.removeprefix(folder).strip("/") if path else _file_key(values)
            volume = volumes.get(mount["name"]) or {}
            found = _behind(volume, mount.get("subPath") or below)
            sources += found
            elsewhere += [] if found else [f"volume {mount['name']} ({', '.join(sorted(volume.keys() - {'name'}))})"]
    if not license_sources(product, server) and server.get("envFrom"):
        elsewhere.append("the objects in envFrom")
    if elsewhere and not sources:
        raise NotSeenError(_in_no_secret(look, elsewhere[0]))
    return tuple(sources)


def _behind(volume: Json, file: str) -> list[Source]:
    """The one Secret that a file of the volume comes from; none where that isn't sure."""
    if "secret" in volume:
        secret = volume["secret"]
        return [Source("file", secret["secretName"], _key_behind(secret, file) or file)]
    secrets = [one["secret"] for one in (volume.get("projected") or {}).get("sources") or () if "secret" in one]
    found = [Source("file", one["name"], key) for one in secrets if (key := _key_behind(one, file))]
    whole = [Source("file", one["name"], file) for one in secrets if not one.get("items")]
    return found or (whole if len(whole) == 1 else [])


def _key_behind(secret: Json, file: str) -> str:
    """`items` may put a key under another file name."""
    return next((item["key"] for item in secret.get("items") or () if item["path"] == file), "")


def _in_no_secret(look: Look, where: str) -> Unseen:
    name = f"Deployment {look.namespace}/{look.found.fullname}"
    return Unseen(
        reason=f"{name} takes its license from {where}, not from a Secret that it names, so it was not looked at.",
        how="Look at the license from its pod; the server shows its state to its administrators.",
    )


def _of_values(values: Mapping[str, Any], look: Look) -> Iterator[Source]:
    """Before there is a Deployment: as the charts would name them."""
    if look_up(values, ("license", "key")):
        yield Source("key", f"{look.found.fullname}-license", look.found.product.value)
    foreign = look_up(values, ("license", "file", "secret"))
    if foreign or look_up(values, ("license", "file", "contents")):
        yield Source("file", str(foreign or f"{look.found.fullname}-license-file"), _file_key(values))


def _file_key(values: Mapping[str, Any]) -> str:
    return str(look_up(values, ("license", "file", "secretKey")) or _DEFAULT_KEY)


def _secret(look: Look, source: Source) -> LicenseSecret:
    body = look.ask.get(SECRETS, look.namespace, source.secret)
    data = (body or {}).get("data") or {}
    return LicenseSecret(
        ref=ObjectRef("Secret", look.namespace, source.secret),
        source=source.kind,
        key=source.key,
        exists=body is not None,
        keys=tuple(_shape(name, base64.b64decode(value or "")) for name, value in sorted(data.items())),
    )


def _shape(name: str, value: bytes) -> SecretKey:
    return SecretKey(name=name, empty=not value.strip(), surrounding_whitespace=value != value.strip())
