"""The one link of a cluster: a pair of addresses between this machine and the cluster's namespace.

Pods and services have the same ranges in every cluster, since no cluster sees another's. Only the
link needs room on the machine: a /30 out of 198.18.0.0/15, which is set aside for tests and routed
nowhere (RFC 2544). The namespace has no default route, so nothing in it can leave the machine.
"""

import ipaddress
import json
import subprocess
import zlib
from dataclasses import dataclass

from scripts.localcluster.state import known
from scripts.progress import StepFailedError

RANGE = "198.18.0.0/15"
_LINKS = list(ipaddress.IPv4Network(RANGE).subnets(new_prefix=30))
POD_RANGE = "10.244.0.0/24"
SERVICE_RANGE = "10.96.0.0/16"
API_SERVICE = "10.96.0.1"


@dataclass(frozen=True)
class Link:
    """One /30: `host` is this machine's end, `node` the address of API server and kubelet."""

    number: int

    @property
    def host(self) -> str:
        return str(_LINKS[self.number][1])

    @property
    def node(self) -> str:
        return str(_LINKS[self.number][2])

    @property
    def device(self) -> str:
        return f"posit-{self.number:04x}"


def choose(name: str) -> Link:
    """A link that no other cluster and no other interface has: derived from the name, else the next.

    Call it under a lock that is held until the choice is written down.
    """
    taken = {record.link for cluster in known() if (record := cluster.read()) and cluster.name != name}
    addresses = _addresses()
    first = zlib.crc32(name.encode()) % len(_LINKS)
    for step in range(len(_LINKS)):
        number = (first + step) % len(_LINKS)
        if number not in taken and not any(address in _LINKS[number] for address in addresses):
            return Link(number)
    raise StepFailedError(f"Every address of {RANGE} is taken: no room for another cluster.")


def connect(link: Link, init: int) -> None:
    """Join this machine with the namespace of process `init`, and prove that packets stay between them.

    Raises StepFailedError where the way to the node's address is not our own link.
    """
    _run("ip", "link", "add", link.device, "type", "veth", "peer", "name", "eth0", "netns", str(init))
    _run("ip", "address", "add", f"{link.host}/30", "dev", link.device)
    _run("ip", "link", "set", link.device, "up")
    inside = ("nsenter", f"--target={init}", "--net", "--")
    _run(*inside, "ip", "link", "set", "lo", "up")
    _run(*inside, "ip", "address", "add", f"{link.node}/30", "dev", "eth0")
    _run(*inside, "ip", "link", "set", "eth0", "up")
    # A pod that dials this machine's end would be answered over the machine's default route.
    _run(*inside, "iptables", "-A", "FORWARD", "-o", "eth0", "-j", "REJECT")
    refuse_unless_local(link)


def refuse_unless_local(link: Link) -> None:
    """Raise StepFailedError unless the kernel sends packets for the node over our link, the host's to itself."""
    to_node = _run("ip", "route", "get", link.node).split()
    to_host = _run("ip", "route", "get", link.host).split()
    if to_host[0] != "local" or "via" in to_node or link.device not in to_node:
        raise StepFailedError(
            f"Refusing to start: packets for {link.node} would not stay on this machine "
            f"(ip route get: {' '.join(to_node)}). Remove the route or rule that catches {RANGE}."
        )


def disconnect(link: Link) -> None:
    """Remove this machine's end; the kernel does the same a moment after the namespace has ended."""
    subprocess.run(["ip", "link", "delete", link.device], capture_output=True, check=False)


def _addresses() -> list[ipaddress.IPv4Address]:
    interfaces = json.loads(_run("ip", "-json", "-4", "address", "show") or "[]")
    return [
        ipaddress.IPv4Address(info["local"])
        for interface in interfaces
        for info in interface.get("addr_info", [])
        if "local" in info
    ]


def _run(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StepFailedError(f"`{' '.join(argv)}` failed: {done.stderr.strip()}")
    return done.stdout
