"""Certificates for tests, made with openssl: old authorities too, as clusters of some years ago still have them."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

_NO_IDENTIFIERS = "subjectKeyIdentifier=none\nauthorityKeyIdentifier=none\n"


@dataclass(frozen=True, kw_only=True)
class Issued:
    certificate: Path
    key: Path


@dataclass(frozen=True, kw_only=True)
class Authority:
    """`certificate` has no key usage and no key identifiers: what Python 3.13 refuses by default and Go does not."""

    folder: Path
    certificate: Path
    key: Path

    def issue(self, name: str, *alternative_names: str, days: int = 30) -> Issued:
        """`alternative_names`: `DNS:localhost`, `IP:127.0.0.1`. Negative days: expired."""
        key, request = _request(self.folder, name, f"/CN={name}")
        certificate = self.folder / f"{name}.crt"
        extensions = f"subjectAltName={','.join(alternative_names)}\n{_NO_IDENTIFIERS}"
        signed_by = ("-CA", str(self.certificate), "-CAkey", str(self.key), "-CAcreateserial")
        _sign(request, certificate, extensions, *signed_by, days=days)
        return Issued(certificate=certificate, key=key)


def authority(folder: Path, name: str = "old-authority") -> Authority:
    key, request = _request(folder, name, f"/CN={name}")
    certificate = folder / f"{name}.crt"
    _sign(request, certificate, f"basicConstraints=CA:TRUE\n{_NO_IDENTIFIERS}", "-signkey", str(key), days=30)
    return Authority(folder=folder, certificate=certificate, key=key)


def _request(folder: Path, name: str, subject: str) -> tuple[Path, Path]:
    key, request = folder / f"{name}.key", folder / f"{name}.csr"
    _openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", str(key))
    _openssl("req", "-new", "-key", str(key), "-subj", subject, "-out", str(request))
    return key, request


def _sign(request: Path, into: Path, extensions: str, *signed_by: str, days: int) -> None:
    file = into.with_suffix(".ext")
    file.write_text(extensions)
    said = ("-days", str(days), "-extfile", str(file), "-out", str(into))
    _openssl("x509", "-req", "-in", str(request), *signed_by, *said)


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
