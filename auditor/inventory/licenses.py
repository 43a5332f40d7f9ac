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
from auditor.model.product import Product
from auditor.model.snapshot import Facet, LicenseSecret, SecretKey
from auditor.questions.license import VARIABLES
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
    if deployment:
        sources = _of_pod(deployment.pod_spec.reveal(), look.found.product, values)
    else:
        sources = _of_values(values, look)
    return tuple(_secret(look, source) for source in dict.fromkeys(sources))


def _of_pod(spec: Mapping[str, Any], product: Product, values: Mapping[str, Any]) -> Iterator[Source]:
    server = container(spec, product.container)
    environment = {variable["name"]: variable for variable in server.get("env") or ()}
    for name in VARIABLES[product]:
        chosen = (environment.get(name, {}).get("valueFrom") or {}).get("secretKeyRef")
        if chosen:
            yield Source("key", chosen["name"], chosen["key"])
    paths = [environment.get(f"{name}_FILE_PATH", {}).get("value", "") for name in VARIABLES[product]]
    secrets = {volume["name"]: volume["secret"] for volume in spec.get("volumes") or () if "secret" in volume}
    for mount in server.get("volumeMounts") or ():
        secret, folder = secrets.get(mount["name"]), mount["mountPath"].rstrip("/")
        path = next((path for path in paths if f"{path}/".startswith(f"{folder}/")), "")
        if secret and (path or mount["name"] == _VOLUME):
            asked = path.rpartition("/")[2] if path else str(_file_key(values))
            yield Source("file", secret["secretName"], _key_behind(secret, asked))


def _key_behind(secret: Json, file: str) -> str:
    """`items` may put a key under another file name."""
    return next((item["key"] for item in secret.get("items") or () if item["path"] == file), file)


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
