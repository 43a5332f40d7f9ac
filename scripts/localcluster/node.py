"""The first process of a cluster's namespaces: makes its mounts, starts its programs, adopts orphans.

    python -m scripts.localcluster.node FOLDER     (started by lifecycle.py, never by hand)

It waits for a line on its standard input; where that ends instead, its creator has died and so does it.
It is process 1 of a process namespace, so when it ends the kernel ends everything below it; mounts,
interfaces and packet filter rules go with the last process.
"""

import json
import os
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

ENDED = "ended; starting it again"  # what its log says after a program's name
_RESTART_SECONDS = 1.0
# The kubelet sets these for the whole machine unless they already read so. It gets files that do,
# in its own mount namespace; the machine keeps what it has.
_TUNABLES = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}


def main(folder: Path) -> None:
    """Never returns while the cluster lives."""
    if not sys.stdin.readline():
        return
    os.chdir("/")
    _mount(folder)
    plan = json.loads((folder / "node.json").read_text())
    components = {component["name"]: component for component in plan["components"]}
    running: dict[int, str] = {}
    for component in components.values():
        if component["early"]:
            running[_start(folder, component)] = component["name"]
    waiting = [component for component in components.values() if not component["early"]]
    while True:
        if waiting and _answers(plan["api_server"], folder):
            for component in waiting:
                running[_start(folder, component)] = component["name"]
            waiting = []
        pid = _ended()
        if pid in running:
            name = running.pop(pid)
            print(f"{name} {ENDED}", flush=True)
            time.sleep(_RESTART_SECONDS)
            running[_start(folder, components[name])] = name
        elif not pid:
            time.sleep(0.1 if waiting else 0.5)


def _mount(folder: Path) -> None:
    # Shared among the programs here, so that the runtime sees what the kubelet mounts.
    _run("mount", "--make-rshared", "/")
    _run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    _run("mount", "--bind", str(folder / "log"), "/var/log")
    for fixed in ("/var/lib/cni", "/var/lib/kubelet"):
        Path(fixed).mkdir(exist_ok=True)
        _run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", fixed)
    tunables = Path("/run/tunables")
    tunables.mkdir()
    for number, (name, value) in enumerate(_TUNABLES.items()):
        stand_in = tunables / str(number)
        stand_in.write_text(f"{value}\n")
        _run("mount", "--bind", str(stand_in), f"/proc/sys/{name}")
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def _start(folder: Path, component: dict[str, Any]) -> int:
    log = str(folder / "log" / f"{component['name']}.log")
    files = [
        (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    # Not subprocess, which would wait for children of its own accord: _ended has to see them all.
    return os.posix_spawnp(component["argv"][0], component["argv"], os.environ, file_actions=files)


def _answers(api_server: str, folder: Path) -> bool:
    trust = ssl.create_default_context(cafile=str(folder / "pki" / "ca.crt"))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust))
    try:
        with opener.open(f"{api_server}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _ended() -> int:
    """The id of a child that has ended, ours or an orphan that fell to us; 0 where there is none."""
    try:
        return os.waitpid(-1, os.WNOHANG)[0]
    except ChildProcessError:
        return 0


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    main(Path(sys.argv[1]))
