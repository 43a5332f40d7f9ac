"""Which proxy a request takes, by Go's rules (golang.org/x/net/http/httpproxy), since kubectl and Helm go by them. They
differ from Python's: nothing on this machine itself is asked through one, and NO_PROXY does not concern `proxy-url`."""

from __future__ import annotations

import ipaddress
import os
from urllib.parse import urlsplit

from auditor.errors import ClusterError

_SCHEMES = ("http", "https", "socks5", "socks5h")


def proxy_for(server: str, proxy_url: str | None) -> str | None:
    """The proxy's URL, or None. `proxy_url`: the kubeconfig's own. Raises ClusterError for what can be no proxy."""
    if proxy_url:
        return _usable(proxy_url, "proxy-url in the kubeconfig")
    url = urlsplit(server)
    name = "HTTPS_PROXY" if url.scheme == "https" else "HTTP_PROXY"
    said = _variable(name)
    host = (url.hostname or "").lower()
    if not said or _direct(host, url.port or (443 if url.scheme == "https" else 80)):
        return None
    return _usable(said if "://" in said else f"http://{said}", name)


def _usable(proxy: str, source: str) -> str:
    """The address itself may hold a password, so that it is not told."""
    url = urlsplit(proxy)
    if url.scheme not in _SCHEMES or not url.hostname:
        raise ClusterError(f"{source} is not the URL of a proxy.", hint=f"It begins with {', '.join(_SCHEMES)}.")
    return proxy


def _variable(name: str) -> str:
    return os.environ.get(name) or os.environ.get(name.lower()) or ""


def _direct(host: str, port: int) -> bool:
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return True
    return any(_excepts(entry, host, address, port) for entry in _variable("NO_PROXY").lower().split(","))


def _excepts(entry: str, host: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address | None, port: int) -> bool:
    entry = entry.strip()
    if entry == "*":
        return True
    if "/" in entry:
        try:
            return address is not None and address in ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return False
    named, only = _without_port(entry)
    if not named or (only and only != str(port)):
        return False
    if (excepted := _address(named)) is not None:
        return address == excepted
    if address is not None:
        return False
    named = named.removeprefix("*")
    return host.endswith(named) if named.startswith(".") else host == named or host.endswith(f".{named}")


def _without_port(entry: str) -> tuple[str, str]:
    if entry.startswith("["):
        host, _, rest = entry[1:].partition("]")
        return host, rest.removeprefix(":")
    host, colon, port = entry.rpartition(":")
    return (host, port) if colon and ":" not in host else (entry, "")


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
