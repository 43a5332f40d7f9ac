"""Runs the commands that are sent into pods, as a kubelet would: in a mount namespace that has what an image has."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from auditor.worker import bundle, commands, messages
from auditor.worker.messages import Refusal, Started, Summary

_HERE = "/usr/sbin:/usr/bin:/sbin:/bin"
HIDDEN = """
for each in /usr/bin/python3 /usr/local/bin/python3 /usr/libexec/platform-python; do
    [ ! -e "$each" ] || mount --bind /dev/null "$(readlink -f "$each")"
done
mount -t tmpfs none /opt
mkdir -p /opt/python
"""


@dataclass(frozen=True)
class Image:
    """`setup` is shell that root runs in a mount namespace of its own before the command."""

    name: str
    setup: str = ""
    path: str = "/usr/sbin:/usr/bin:/sbin:/bin"
    busybox: bool = False

    def run(
        self,
        command: Sequence[str],
        *,
        volume: Path,
        environment: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        prefix: Sequence[str] = (),
    ) -> Said:
        variables = {"PATH": self.path, **(environment or {})}
        words = [expanded(word, variables) for word in command]
        root = volume.parent / "root"
        if self.busybox:
            setup = _BUSYBOX.format(root=root, volume=volume)
            words = ["/usr/sbin/chroot", str(root), *words]
        else:
            setup = self.setup
        argv = [
            "/usr/bin/unshare",
            "--mount",
            "/bin/sh",
            "-euc",
            f'PATH={_HERE}\n{setup}\nPATH={self.path}\nexec "$@"',
            "sh",
            *prefix,
            *words,
        ]
        done = subprocess.run(
            argv, input=stdin, capture_output=True, env={**variables, "WHERE": str(volume.parent)}, check=False
        )
        return Said(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def messages(self) -> list[messages.Message]:
        return list(messages.messages(self.out.splitlines()))

    @property
    def started(self) -> Started:
        (one,) = [each for each in self.messages if isinstance(each, Started)]
        return one

    @property
    def summary(self) -> Summary:
        one = self.messages[-1]
        assert isinstance(one, Summary), (self.out, self.err)
        return one

    @property
    def refusal(self) -> Refusal:
        one = self.messages[-1]
        assert isinstance(one, Refusal), (self.out, self.err)
        return one


def expanded(word: str, variables: Mapping[str, str] = MappingProxyType({})) -> str:
    """https://kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container/"""

    def one(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        return variables.get(match[1], match[0])

    return re.sub(r"\$\$|\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)", one, word)


_PYTHON = 'install -m 755 "$(readlink -f /usr/bin/python3)" "$WHERE/python3"\n'
# Decoys: one that is older by number but later by letter, a directory that is none, a broken one, and hostile names.
_UNDER_OPT = (
    _PYTHON
    + HIDDEN
    + """
cd /opt/python
mkdir -p 3.9.1/bin 3.14.4/bin 3.15.0/bin jupyter/bin 'x; touch $WHERE/hacked/bin' '$(touch $WHERE/hacked)'/bin \
    "4
.0"/bin
ln -s "$WHERE/python3" 3.14.4/bin/python3
ln -s "$WHERE/python3" jupyter/bin/python3
printf '#!/bin/sh\\necho 3.7.1; exit 1\\n' >3.9.1/bin/python3
printf 'garbage' >3.15.0/bin/python3
printf '#!/bin/sh\\ntouch "%s/hacked"; echo 3.99.0\\n' "$WHERE" >'$(touch $WHERE/hacked)'/bin/python3
chmod 755 */bin/*
cd /
"""
)
_BUSYBOX = """
mkdir -p {root}/bin {root}/volume {root}/scratch {root}/proc {root}/tmp {root}/dev
[ -e {root}/bin/busybox ] || {{ cp /bin/busybox {root}/bin/; chroot {root} /bin/busybox --install -s /bin; }}
mount --bind {volume} {root}/volume
mount --bind "$WHERE/scratch" {root}/scratch
mount -t proc none {root}/proc
mount --bind /dev {root}/dev
"""

ON_PATH = Image("python3 on PATH", _PYTHON + HIDDEN + 'mkdir /opt/bin; ln -s "$WHERE/python3" /opt/bin/python3',
                path="/opt/bin:/usr/sbin:/usr/bin:/sbin:/bin")  # fmt: skip
UNDER_OPT = Image("only below /opt/python", _UNDER_OPT)
TOO_OLD = Image(
    "too old",
    HIDDEN
    + 'mkdir /opt/bin; printf "#!/bin/sh\\necho 3.6.9\\nexit 1\\n" >/opt/bin/python3; chmod 755 /opt/bin/python3',
    path="/opt/bin:/usr/sbin:/usr/bin:/sbin:/bin",
)
GNU = Image("none, GNU tools", HIDDEN)
BASH = Image("none, GNU tools, bash as sh", HIDDEN + 'mount --bind /usr/bin/bash "$(readlink -f /bin/sh)"\n')
BUSYBOX = Image("none, busybox", busybox=True, path="/bin")
WITH_PYTHON, WITHOUT = (ON_PATH, UNDER_OPT), (TOO_OLD, GNU, BASH, BUSYBOX)
SHELLS = (GNU, BASH, BUSYBOX)
"""None has Python: dash, bash and busybox as sh."""


@dataclass(frozen=True)
class Pod:
    """A volume and an image: what the Job of a plan does there, by the program that the image allows."""

    image: Image
    volume: Path
    scratch: Path
    python: bool

    def change(self, *asides: str, uid: int = 999, gid: int = 999, **options: Any) -> Said:
        return self.run("change", uid, gid, move_aside=asides, **options)

    def undo(self, *records: str, uid: int = 999, gid: int = 999, **options: Any) -> Said:
        return self.run("undo", uid, gid, records=records, **options)

    def run(self, mode: commands.Mode, uid: int, gid: int, *, prefix: Sequence[str] = (), **task: Any) -> Said:
        volume, scratch = self.places
        for old in self.scratch.iterdir():
            old.unlink()
        if self.python:
            program = self.scratch / bundle.NAME
            program.write_bytes(bundle.program())
            command = commands.by_program(mode, uid, gid, volume=volume, program=str(program), **task)
        else:
            command = commands.by_twin(mode, uid, gid, volume=volume, scratch=scratch, **task)
        return self.image.run(command, volume=self.volume, prefix=prefix)

    @property
    def places(self) -> tuple[str, str]:
        return ("/volume", "/scratch") if self.image.busybox else (str(self.volume), str(self.scratch))

    def owners(self) -> dict[str, str]:
        """uid:gid of each entry below the top, but those that are left alone."""
        found = {}
        for folder, names, files in os.walk(os.fsencode(self.volume)):
            for name in (b"", *names, *files):
                path = folder + b"/" + name if name else folder
                status = os.lstat(path)
                key = os.path.relpath(path, os.fsencode(self.volume)).decode("utf-8", "surrogateescape")
                if not key.startswith(".posit-audit"):
                    found[key] = f"{status.st_uid}:{status.st_gid}"
        return found
