"""A user with sudo, as Debian's installer makes one, on a machine that knows no such user.

The user exists in a mount namespace only: its own /home, and its own lines in /etc/passwd and beside it. The machine's
files stay as they are, and all of it ends with one process, even if the tests are killed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

NAME, NUMBER = "ordinary", 54321
HOME = Path("/home") / NAME
# Neither root's programs nor what this machine's root has added.
PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"
_NETWORK = re.compile(
    r"(?i)(https?|no)_proxy|PIP_(CERT|.*INDEX_URL|FIND_LINKS|TRUSTED_HOST|DEFAULT_TIMEOUT)|SSL_CERT_.*"
)
_LINES = {
    "passwd": f"{NAME}:x:{NUMBER}:{NUMBER}::{HOME}:/bin/bash",
    "group": f"{NAME}:x:{NUMBER}:",
    "shadow": f"{NAME}:*:19000:0:99999:7:::",
}
_SUDOERS = f"{NAME} ALL=(ALL:ALL) NOPASSWD: ALL\n"
# The last one ends as soon as the tests do, since its input does.
_ENTER = """
for file in passwd group shadow; do mount --bind "$1/$file" "/etc/$file"; done
mount --bind "$1/sudoers.d" /etc/sudoers.d
mount --bind "$1/home" /home
mount --bind --read-only "$2" "$3"
echo ready
exec cat
"""


@dataclass(frozen=True, kw_only=True)
class OrdinaryUser:
    """`home` is the folder that lies at HOME inside."""

    home: Path
    namespace: int

    def run(self, script: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """A bash script of the user's in the home folder, with umask 077; output and errors together."""
        network = {name: value for name, value in os.environ.items() if _NETWORK.fullmatch(name)}
        variables = {"HOME": str(HOME), "USER": NAME, "LOGNAME": NAME, "PATH": PATH, "LANG": "C.UTF-8"}
        inside = ["nsenter", f"--target={self.namespace}", "--mount", "--wd=/", "--"]
        user = ["setpriv", f"--reuid={NUMBER}", f"--regid={NUMBER}", "--clear-groups", "--"]
        return subprocess.run(
            [*inside, *user, "bash", "-euc", f"umask 077; cd; {script}"],
            env={**variables, **network, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def not_theirs(self) -> list[str]:
        """What in the home folder belongs to anybody else."""
        found = subprocess.run(
            ["find", str(self.home), "!", "-uid", str(NUMBER)], capture_output=True, text=True, check=True
        )
        return found.stdout.splitlines()


@contextmanager
def ordinary_user(folder: Path, built: Path) -> Iterator[OrdinaryUser]:
    """The user, with `folder` behind everything that is the user's. Needs root, and sudo installed.

    `built` is the toolchain's folder: the user finds it in their own cache, as if they had compiled it.
    """
    for name, line in _LINES.items():
        shutil.copy2(f"/etc/{name}", folder / name)
        with (folder / name).open("a") as file:
            file.write(f"{line}\n")
    (folder / "sudoers.d").mkdir()
    (folder / "sudoers.d" / NAME).write_text(_SUDOERS)
    (folder / "sudoers.d" / NAME).chmod(0o440)
    home = folder / "home" / NAME
    home.mkdir(parents=True)
    home.parent.chmod(0o755)
    compiled = Path(".cache") / "posit-audit" / "toolchain" / built.name
    (home / compiled).mkdir(parents=True)
    for path in (home, *home.rglob("*")):
        os.chown(path, NUMBER, NUMBER)
    entering = ["unshare", "--mount", "sh", "-euc", _ENTER, "sh", str(folder), str(built), str(HOME / compiled)]
    with subprocess.Popen(entering, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdin is not None  # both were asked for above
        assert holder.stdout is not None
        assert holder.stdout.readline() == "ready\n"
        yield OrdinaryUser(home=home, namespace=holder.pid)
        holder.stdin.close()
