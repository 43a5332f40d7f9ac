"""TLS as Go's crypto/tls does it for kubectl and Helm, and OpenSSL's own word where it refuses.

Python 3.13 sets OpenSSL's VERIFY_X509_STRICT by default, which refuses authorities without key usage or key
identifiers: those of EKS clusters of 2020 and before, of MicroK8s and of many a company
(https://github.com/kubernetes-client/python/issues/2394). Go asks for neither. Everything else is verified: the chain,
the dates and the name.
"""

from __future__ import annotations

import base64
import binascii
import ssl
from pathlib import Path
from tempfile import TemporaryDirectory

from auditor.cluster.kubeconfig import Cluster
from auditor.errors import ClusterError

KeyPair = tuple[bytes, bytes]
"""Certificate and key, in PEM."""


def context_for(cluster: Cluster, pair: KeyPair | None) -> ssl.SSLContext:
    """Raises ClusterError for a certificate or key that can't be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    # A kubeconfig's authority is trusted as it is, be it an intermediate one or the server's certificate itself.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.hostname_checks_common_name = False
    authority = authority_of(cluster)
    if cluster.insecure_skip_tls_verify:
        if authority:
            raise ClusterError(
                "The kubeconfig names an authority and sets insecure-skip-tls-verify, which kubectl and Helm refuse.",
                hint="Remove one of the two from the cluster.",
            )
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif authority:
        _trust(context, authority)
    else:
        context.load_default_certs()
    if pair:
        present(context, pair)
    return context


def authority_of(cluster: Cluster) -> bytes:
    """In PEM; empty where the machine's own authorities are meant."""
    return _bytes(cluster.certificate_authority_data, cluster.certificate_authority, "certificate-authority")


def key_pair(certificate: tuple[str | None, str | None], key: tuple[str | None, str | None]) -> KeyPair | None:
    """Each as base64 or, where that is empty, as a file."""
    told = _bytes(*certificate, "client-certificate")
    if not told:
        return None
    secret = _bytes(*key, "client-key")
    if not secret:
        raise ClusterError("The kubeconfig has a client certificate and no key for it.", hint="Add its client-key.")
    return told, secret


def present(context: ssl.SSLContext, pair: KeyPair) -> None:
    """OpenSSL takes them from files only: these are this user's alone, and gone when it has read them."""
    with TemporaryDirectory(prefix="posit-audit-") as folder:
        certificate, key = Path(folder) / "certificate", Path(folder) / "key"
        certificate.write_bytes(pair[0])
        key.write_bytes(pair[1])
        try:
            # A locked key is refused as by Go; without a password here OpenSSL would ask at the terminal.
            context.load_cert_chain(certificate, key, password="-")  # noqa: S106
        except ssl.SSLError as error:
            raise ClusterError(
                f"The client certificate and its key can't be used: {word(error)}.",
                hint="Check client-certificate and client-key in the kubeconfig.",
            ) from None


def word(error: BaseException) -> str:
    """OpenSSL's own, from wherever it is inside `error`; "" where TLS has no part in it."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, ssl.SSLError):
            told = getattr(error, "verify_message", "") or (error.reason or "").replace("_", " ").lower()
            return (told or str(error)).rstrip(".")
        inner = getattr(error, "reason", None), *error.args, error.__cause__, error.__context__
        found = next((one for one in inner if isinstance(one, BaseException)), None)
        if found is None:
            break
        error = found
    return ""


def _trust(context: ssl.SSLContext, authority: bytes) -> None:
    try:
        context.load_verify_locations(cadata=authority.decode("ascii", "ignore"))
    except ssl.SSLError as error:
        raise ClusterError(
            f"The certificate authority can't be used: {word(error)}.",
            hint="Check certificate-authority in the kubeconfig.",
        ) from None


def _bytes(data: str | None, file: str | None, what: str) -> bytes:
    if data:
        try:
            return base64.b64decode("".join(data.split()), validate=True)
        except (binascii.Error, ValueError):
            raise ClusterError(f"{what}-data in the kubeconfig is not base64.") from None
    if not file:
        return b""
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise ClusterError(f"The {what} {file} can't be read: {error.strerror}.") from None
