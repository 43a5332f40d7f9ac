"""Write OCI image archives: https://github.com/opencontainers/image-spec (image-layout.md)."""

import hashlib
import io
import json
import os
import platform
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_TYPES = "application/vnd.oci.image"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, kw_only=True)
class Image:
    """An image under its full name; `layers` are uncompressed tar files, lowest first."""

    name: str
    layers: Sequence[Path]
    entrypoint: Sequence[str]
    command: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str = ""


def write_archive(path: Path, images: Sequence[Image]) -> None:
    """Write all images into one archive; a layer that several share is in it once."""
    partial = path.with_name(f"{path.name}.partial")
    written: set[str] = set()
    with tarfile.open(partial, "w") as archive:

        def add(content: bytes, media_type: str) -> dict[str, Any]:
            digest = hashlib.sha256(content).hexdigest()
            if digest not in written:
                written.add(digest)
                _add_bytes(archive, f"blobs/sha256/{digest}", content)
            return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}

        def add_layer(layer: Path) -> dict[str, Any]:
            with layer.open("rb") as content:
                digest = hashlib.file_digest(content, "sha256").hexdigest()
            if digest not in written:
                written.add(digest)
                archive.add(layer, f"blobs/sha256/{digest}")
            size = layer.stat().st_size
            return {"mediaType": f"{_TYPES}.layer.v1.tar", "digest": f"sha256:{digest}", "size": size}

        manifests = []
        for image in images:
            layers = [add_layer(layer) for layer in image.layers]
            config = add(_json(_config(image, layers)), f"{_TYPES}.config.v1+json")
            manifest = {
                "schemaVersion": 2,
                "mediaType": f"{_TYPES}.manifest.v1+json",
                "config": config,
                "layers": layers,
            }
            names = {"io.containerd.image.name": image.name, "org.opencontainers.image.ref.name": image.name}
            manifests.append({**add(_json(manifest), f"{_TYPES}.manifest.v1+json"), "annotations": names})
        index = {"schemaVersion": 2, "mediaType": f"{_TYPES}.index.v1+json", "manifests": manifests}
        _add_bytes(archive, "index.json", _json(index))
        _add_bytes(archive, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
    partial.rename(path)


def write_layer(path: Path, files: Mapping[str, tuple[bytes, int]], links: Mapping[str, str] | None = None) -> None:
    """Write a layer of root's files: path without leading slash -> content and mode; links -> their targets."""
    with tarfile.open(path, "w") as layer:
        for name, (content, mode) in files.items():
            _add_bytes(layer, name, content, mode)
        for name, target in (links or {}).items():
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            layer.addfile(link)


def copy_layer(source: Path, target: Path, place: Callable[[str], str | None]) -> None:
    """Copy a tar file. `place` says where each path goes, without leading slash; None leaves it out."""
    partial = target.with_suffix(".partial")
    with tarfile.open(source) as whole, tarfile.open(partial, "w") as copy:
        for member in whole:
            name = place(member.name.removeprefix("./"))
            if name is not None:
                member.name = name
                copy.addfile(member, whole.extractfile(member) if member.isreg() else None)
    partial.rename(target)


def _config(image: Image, layers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return {
        "architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": {
            "Env": [f"{name}={value}" for name, value in {"PATH": path, **image.environment}.items()],
            "Entrypoint": list(image.entrypoint),
            "Cmd": list(image.command),
            "User": image.user,
        },
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]},
    }


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def _add_bytes(archive: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(os.fspath(name))
    entry.size, entry.mode = len(content), mode
    archive.addfile(entry, io.BytesIO(content))
