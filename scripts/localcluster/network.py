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
# The second node hangs on the first: only the first one sees it, and it sees nothing but the API server.
_TO_WORKER, WORKER = "10.245.0.1", "10.245.0.2"
WORKER_POD_RANGE = "10.244.1.0/24"
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
    _join((), link.device, link.host, init, link.node)
    # A pod that dials this machine's end would be answered over the machine's default route.
    _run(*_inside(init), "iptables", "-A", "FORWARD", "-o", "eth0", "-j", "REJECT")
    refuse_unless_local(link)


def connect_worker(link: Link, first: int, second: int) -> None:
    """Join the namespaces of the two nodes' first processes; the second gets a way to the API server and no other."""
    _swallow(first, "-D")
    _join(_inside(first), "worker", _TO_WORKER, second, WORKER)
    _run(*_inside(second), "ip", "route", "add", link.node, "via", _TO_WORKER)


def lose_worker(first: int) -> None:
    """What is sent to it vanishes from now on, as with any machine without power; nothing says that it is not there."""
    _swallow(first, "-D")
    # The kernel would keep it for as long as a connection of the lost one is still to be closed.
    subprocess.run([*_inside(first), "ip", "link", "delete", "worker"], capture_output=True, check=False)
    _swallow(first, "-A")


def _swallow(first: int, change: str) -> None:
    """With a route of its own: without one there would be an answer at once."""
    rule = ("iptables", change, "OUTPUT", "-d", WORKER, "-j", "DROP")
    route = ("ip", "route", "add" if change == "-A" else "delete", f"{WORKER}/32", "dev", "eth0")
    for argv in (rule, route):
        subprocess.run([*_inside(first), *argv], capture_output=True, check=change == "-A")


def _join(here: tuple[str, ...], device: str, address: str, init: int, theirs: str) -> None:
    """A pair of addresses: `device` here, eth0 in the namespace of process `init`."""
    _run(*here, "ip", "link", "add", device, "type", "veth", "peer", "name", "eth0", "netns", str(init))
    _run(*here, "ip", "address", "add", f"{address}/30", "dev", device)
    _run(*here, "ip", "link", "set", device, "up")
    there = _inside(init)
    _run(*there, "ip", "link", "set", "lo", "up")
    _run(*there, "ip", "address", "add", f"{theirs}/30", "dev", "eth0")
    _run(*there, "ip", "link", "set", "eth0", "up")


def _inside(init: int) -> tuple[str, ...]:
    return ("nsenter", f"--target={init}", "--net", "--")


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
