"""Give every entry under ROOT to one owner, or look whether it has it. Runs alone: ``python3 -I -S ownership.py``.

One file of more than 250 lines on purpose: it is mounted from a ConfigMap into images that hold nothing of ours,
so it can neither be split nor import anything but the standard library (Python >= 3.8, Linux).

What it promises
    Only entries with another uid or gid than asked are changed; everything else keeps even its ctime. Symbolic links
    are changed themselves, never their targets. Directories follow their content, ROOT itself comes last of all, and
    only if all below it went well. Paths are never used twice: each step goes through the file descriptor of the
    directory above with O_NOFOLLOW, so a directory swapped for a link leads nowhere, and a directory that has to be
    opened again must show the same device and inode. Other file systems, what was mounted below ROOT when it started,
    snapshots and ``lost+found`` are left alone. Bits that chown clears (setuid, setgid) are set again where the
    previous owner was root or the new owner; bits of a third user's file would hand that user's program the new owner's
    rights, so they stay off and are reported. File capabilities are lost, as with any chown. Modes, ACLs and times
    other than ctime are not touched.

What it prints: JSON lines on stdout
    ``{"event": "progress", "seen", "wrong", "changed", "failed", "per_second", "directory", "threads"}``, at most one a
    second; ``{"event": "error", "message"}`` when it could not start; last ``{"event": "summary"}``, see summary().

Exit codes
    0  everything looked at is right (--check), or all is done.
    2  --check found something wrong (also when something else could not be looked at).
    1  could not do all: an entry failed, the run was stopped (--limit or --seconds of a changing run, a server that
       refuses), the state could not be kept, a limited look saw nothing but ROOT, or the arguments are wrong.
    137  one of its processes was killed, as for want of memory: run again, it goes on.
    143  was told to stop (SIGTERM, SIGINT) before a change was done: run again, it goes on.

--check with --limit or --seconds looks at the top levels first (half of the limit) and then goes down from ROOT along
    random directories. summary["looked"] says whether it saw everything and, if not, the smallest share of wrong
    directories and of wrong single entries that it would have met with 95 % probability.

--state FILE holds one line per fact, each with its CRC, written before the change it speaks of:
    h header; b a session begins (with what --exclude); o owners found (runs of inodes in one directory); s mode bits
    about to be cleared; p the first K names of a directory and all below them are done; f a directory and all below it
    is done; c all before this is on disk; m moved aside; e finished, d finished but for failures; k claims void; z
    undone. Directories are named by a 64 bit hash of their path.
    Claims (p, f) make a resumed run skip work: those of a run that was cut off and last wrote within a day, with the
    same --exclude; after a reboot only those before the last c. A kill loses nothing; a power cut can lose the owners
    of the last two seconds. Must be a file of our own that not all may write. A finished state that names owners stays
    as it is: the next run begins FILE.1, FILE.2, ..., so that each can be undone by itself. Keep it as
    ROOT/.posit-audit* (never looked at) or outside ROOT, and one for each volume: only ROOT's inode number tells whose
    it is.

--undo gives back the owner found, to entries that still have the owner we gave. An entry is known by its directory's
    path and its inode: what was renamed since, or made after the state was last written (where the file system tells
    and the state is on it), keeps its owner, as a hard link does whose other name is gone. Mode bits of files are not
    set again: the content may have changed hands in between.

When a state is believed. On a volume with fsGroup the kubelet lets a group write every file, the state too, and who
    can write it could name other owners. So:
    - A run goes on with a state, and adds to it, only while nobody but root may write it. Otherwise it leaves it as it
      is and begins FILE.1, FILE.2, ...: what others may have written is never taken over.
    - summary["records"] has NAME:BYTES:SHA256 of the state as the run left it, for whoever keeps it outside the volume;
      nothing where others could already write it then, since it can't be known what they wrote.
    - --undo with --record NAME:BYTES:SHA256 (once for each) needs that state to be there and to begin with those bytes.
      If others may write it by now, those bytes alone are believed, and after them only what speaks of no owners may
      stand, such as the marks of an undo that was cut off. A state without a --record is believed where nobody but root
      may write it. Otherwise it is refused, or, where it belongs to another run than those of --record or to another
      owner, left out (summary["left_out"]). Beside a --record, a run that finished without failures is taken back only
      where it is named too. All states are read once, into memory, and judged before any owner is changed.

--shard I/N: every shard lists all directories; hash(directory) % N says who owns its entries. Directories go after what
    the shard itself did below them. ROOT goes to the shard that finishes last, told by the others' state files beside
    its own (FILE.<i>-of-<N>). Give each Job a new one, BASE.<its name>: --undo with BASE takes all of them back.
    Without --state, or if a file server hides the last line of another shard, ROOT stays wrong, which is the safe
    side: a plain run afterwards does it.
"""

# Hot loops stay in one function (a call for each entry costs a tenth of the time), and each limit stands where it acts.
# ruff: noqa: C901, PLR0912, PLR0915, PLR2004

from __future__ import annotations

import argparse
import array
import collections
import errno
import fcntl
import fnmatch
import io
import itertools
import json
import marshal
import mmap
import os
import resource
import select
import signal
import socket
import stat
import sys
import threading
import time
import zlib

TYPE_CHECKING = False  # without typing, whose import would be a tenth of a small run
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

VERSION = 1
WINDOW = 4096  # directory entries held at a time
CHUNK_MIN = 8  # entries handed to a thread where each call takes a round trip
BATCH_SECONDS = 0.05  # of work handed to a thread at a time where calls take long
BLOCK = 512  # entries looked at before the wrong ones among them are changed
WORTH = 4  # times longer than it computes must a task take for a second thread to be worth it
IDLE, BUSY = 0.4, 0.85  # CPU share of a process below and above which threads are added and taken away
THREADS_MAX = 256  # over all processes
PROCESSES_MAX = 8
SAMPLES = 5
TERMINATED = 128 + signal.SIGTERM
KILLED = 128 + signal.SIGKILL
REFUSED_AFTER = 32  # refusals without one success: the server, not the entry, says no
LINKS_MAX = 50000  # hard-linked inodes remembered per process
CONFIDENCE = 0.95
SKIP_DIRECTORIES = {".snapshot", "~snapshot", ".zfs"}  # NetApp, Isilon, ZFS: read-only views of the past
SKIP_AT_TOP = {"lost+found", ".snapshots", "aquota.user", "aquota.group"}
OUR_PREFIX = ".posit-audit"
SPECIAL_BITS = stat.S_ISUID | stat.S_ISGID
ODD_MODES = 0o170000 | SPECIAL_BITS  # of a mode that is not S_IFREG alone
DIRECTORY_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
NOATIME = getattr(os, "O_NOATIME", 0)
PATH_ONLY = getattr(os, "O_PATH", 0o10000000)

# Shared memory: 8-byte words; word 0 is the stop word, word UNKEPT the first errno of a state that could not be kept,
# then one row of ROW words per process.
ROW = 8
UNKEPT = 1
CLAIMS_LAST = 86400  # seconds without a word of the run that made them
SEEN, WRONG, CHANGED, FAILED, CALLS, WANTED, HUNGRY, TASKS = range(ROW)
GO, STOPPED, LIMIT, REFUSED, LOST, DONE = range(6)
SPEAKS_OF_NO_OWNER = set("bckzfped")  # kinds of lines; what a state says must stand in the others
BRING_BACK = (
    "Bring this file back from a snapshot or backup of the volume and undo again, or give the owners back by hand."
)
REASONS = {
    STOPPED: "stopped by a signal",
    LIMIT: "limit reached",
    REFUSED: "every change was refused",
    LOST: "a worker process died",
}
FILES, DIRS, MORE, TOP = range(4)


class Trouble(Exception):
    """Could not start: one sentence for the user."""


class Unrelated(Trouble):
    """A state of another run."""


class Halt(Exception):
    """The stop word was set while working."""


def shown(path: str) -> str:
    """A path for people and JSON: bytes that aren't UTF-8 as \\xNN, the middle of very long paths left out."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return text if len(text) <= 400 else text[:190] + "[...]" + text[-200:]


def key_below(key: int, name: str) -> int:
    import hashlib  # costs more than the rest of a small run, and only a state or shards need it

    digest = hashlib.blake2b(os.fsencode(name), digest_size=8, key=key.to_bytes(8, "little")).digest()
    return int.from_bytes(digest, "little")


ROOT_KEY = 1


def packed(inodes: list[int]) -> str:
    """Inodes as hexadecimal steps with run lengths: [5, 6, 7, 20] is "5+2,d"."""
    inodes = sorted(set(inodes))  # a listing that changes meanwhile may name a file twice
    if inodes[-1] - inodes[0] == len(inodes) - 1 > 0:  # made one after the other, as those of a package often are
        return "%x+%x" % (inodes[0], len(inodes) - 1)
    out = []
    last = 0
    i = 0
    while i < len(inodes):
        j = i
        while j + 1 < len(inodes) and inodes[j + 1] == inodes[j] + 1:
            j += 1
        out.append("%x+%x" % (inodes[i] - last, j - i) if j > i else "%x" % (inodes[i] - last))
        last = inodes[j]
        i = j + 1
    return ",".join(out)


def unpacked(text: str) -> list[int]:
    inodes: list[int] = []
    last = 0
    for part in text.split(","):
        step, _, more = part.partition("+")
        first = last + int(step, 16)
        last = first + (int(more, 16) if more else 0)
        inodes.extend(range(first, last + 1))
    return inodes


def boot_id() -> str:
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:
            return file.read().strip()
    except OSError:
        return "unknown-%d" % os.getpid()


def cpus() -> int:
    """CPUs this process may use: its affinity, and less where the container has a quota."""
    count = len(os.sched_getaffinity(0))
    try:
        with open("/sys/fs/cgroup/cpu.max") as file:
            quota, period = file.read().split()
        if quota != "max":
            count = min(count, max(1, round(int(quota) / int(period))))
    except (OSError, ValueError):
        pass
    return max(1, count)


def mounts() -> Iterator[tuple[str, str, str, str]]:
    """(id of the mount below it, where, file system type, source) of each mount; none where /proc doesn't say."""
    try:
        with open("/proc/self/mountinfo", "rb") as file:
            for line in map(os.fsdecode, file):
                left, _, right = line.partition(" - ")
                point = left.split()[4]
                for code in ("\\040", "\\011", "\\012", "\\134"):
                    point = point.replace(code, chr(int(code[1:], 8)))
                kind, source = right.split()[:2]
                yield left.split()[1], point, kind, source
    except (OSError, ValueError, IndexError):
        pass


def mount_of(path: str) -> tuple[str, str]:
    """(file system type, source) of the mount that path is on; empty strings where /proc doesn't say."""
    best = ("", "", "")
    for _, point, kind, source in mounts():
        if (path == point or path.startswith(point.rstrip("/") + "/")) and len(point) >= len(best[0]):
            best = (point, kind, source)
    return best[1], best[2]


def mounted_below(fd: int, path: str) -> dict[str, set[str]]:
    """What is mounted on the file system of a directory, as paths below it, by their last names."""
    found: dict[str, set[str]] = {}
    try:
        with open("/proc/self/fdinfo/%d" % fd) as file:
            here = dict(line.split(":", 1) for line in file)["mnt_id"].strip()
    except (OSError, KeyError):
        return found
    for above, point, _, _ in mounts():
        if above == here and point.startswith(path + "/"):
            found.setdefault(os.path.basename(point), set()).add(point[len(path) + 1 :])
    return found


def may_chown() -> bool:
    """Whether this process has CAP_CHOWN (bit 0): then a refusal comes from the server or the file, not from us."""
    try:
        with open("/proc/self/status") as file:
            for line in file:
                if line.startswith("CapEff:"):
                    return bool(int(line.split()[1], 16) & 1)
    except OSError:
        pass
    return os.geteuid() == 0


def refusal(code: int, path: str, uid: int, gid: int) -> str:
    """One sentence: why nothing could be changed, and what to do."""
    kind, source = mount_of(path)
    where = "%s (%s)" % (source, kind) if kind else path
    if code == errno.EROFS:
        return (
            "The volume %s is read-only here: mount the claim writable, and see that neither the volume nor its "
            "storage is marked read-only." % where
        )
    if not may_chown():
        return (
            "This process may not change owners (no CAP_CHOWN): run it as root with the capabilities CHOWN, "
            "DAC_OVERRIDE and FOWNER, in a namespace that admits this."
        )
    if kind.startswith("nfs"):
        return (
            "Root is squashed by the NFS server of %s: run 'chown -R %d:%d' on the server itself, or export with "
            "no_root_squash (then 'exportfs -ra') until this run is done, or export with all_squash,anonuid=%d,"
            "anongid=%d; on a cloud file system look for its root squash setting or access point."
            % (where, uid, gid, uid, gid)
        )
    if kind in ("cifs", "smb3", "9p", "virtiofs") or kind.startswith("fuse"):
        return (
            "The file system of %s does not let owners be changed from here: it takes them from its mount options or "
            "its server; mount it with uid=%d,gid=%d, or use a POSIX volume." % (where, uid, gid)
        )
    return (
        "Root was refused every change of owner on %s: if a server is behind it, root is squashed there (change "
        "owners on the server or allow root for this client); on a local disk look for the immutable attribute "
        "(lsattr)." % where
    )


def special(status: os.stat_result) -> bool:
    """Whether it is a file that runs as its owner or group, which chown takes from it."""
    return bool(status.st_mode & SPECIAL_BITS) and stat.S_ISREG(status.st_mode)


class Table:
    """Looks at up to BLOCK names at once through statx(2): os.stat makes 20 objects of each answer, this none.

    A fifth less to compute for each entry, which is what a local disk costs. Needs ctypes and a libc with statx; the
    layout of an answer is the same on every architecture (struct statx in Linux' include/uapi/linux/stat.h).
    """

    SIZE = 256  # bytes of an answer
    WORDS, LONGS = SIZE // 4, SIZE // 8
    MASK, LINKS, UID, GID, MODE, MAJOR, MINOR = 0, 4, 5, 6, 7, 34, 35  # words of an answer
    INODE = 4  # long of an answer
    NOFOLLOW = 0x100
    ASKED = 0x11F  # type, mode, links, uid, gid, inode

    def __init__(self, dev: int) -> None:
        import ctypes

        self.ask = ctypes.CDLL(None).statx
        self.memory = ctypes.create_string_buffer(self.SIZE * BLOCK)
        self.places = [ctypes.byref(self.memory, self.SIZE * i) for i in range(BLOCK)]
        flat = memoryview(self.memory).cast("B")
        self.words, self.longs = flat.cast("I"), flat.cast("Q")
        self.dev = [os.major(dev), os.minor(dev)]
        self.lock = threading.Lock()

    @classmethod
    def where_possible(cls, dev: int) -> Table | None:
        try:
            return cls(dev)
        except (ImportError, AttributeError, OSError):
            return None

    def look(self, fd: int, names: list[bytes]) -> tuple[tuple[int, int], list[int]] | None:
        """(owner, inodes) where all are plain files of one owner; None otherwise, or if there is no answer for one."""
        same, words, count = itertools.repeat, self.words, len(names)
        if any(map(self.ask, same(fd), names, same(self.NOFOLLOW), same(self.ASKED), self.places)):
            return None
        end = self.WORDS * count
        for place in (self.UID, self.GID, self.LINKS, self.MAJOR, self.MINOR, self.MASK):
            if words[place : end : self.WORDS].tobytes() != words[place : place + 1].tobytes() * count:
                return None
        if words[self.LINKS] != 1 or words[self.MAJOR : self.MINOR + 1].tolist() != self.dev:
            return None
        if words[self.MASK] & self.ASKED != self.ASKED:
            return None
        if any(mode & ODD_MODES != stat.S_IFREG for mode in set(words[self.MODE : end : self.WORDS].tolist())):
            return None
        return (words[self.UID], words[self.GID]), self.longs[self.INODE : self.LONGS * count : self.LONGS].tolist()


class Births:
    """Which entries were made after a moment of their file system's clock, as far as it and libc (statx) tell."""

    HOW = 0x1100  # AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW
    BORN = 0x800

    def __init__(self, moment: int) -> None:
        import ctypes

        self.ask, self.answer = ctypes.CDLL(None).statx, ctypes.c_uint64 * (Table.SIZE // 8)
        self.moment = moment  # in ns

    def later(self, fd: int, name: bytes) -> bool:
        answer = self.answer()
        if self.ask(fd, name, self.HOW, self.BORN, answer):
            return False
        words = memoryview(answer).cast("B").cast("I")
        return bool(words[0] & self.BORN) and answer[10] * 10**9 + words[22] > self.moment


class Group:
    """Entries of one directory that belong to one wrong owner."""

    __slots__ = ("inodes", "names", "odd")

    def __init__(self, names: list[bytes], inodes: list[int]) -> None:
        self.names = names
        self.inodes = inodes
        self.odd: dict[bytes, os.stat_result] = {}  # those that are not plain files with one name


class Tally:
    """What one process found, merged by the first one: counts with samples."""

    def __init__(self) -> None:
        self.owners: dict[str, list[Any]] = {}
        self.failures: dict[str, list[Any]] = {}
        self.skipped: dict[str, list[Any]] = {}
        self.bits: dict[str, list[Any]] = {}
        self.links: dict[int, str] = {}
        self.vanished = 0
        self.resumed = 0
        self.matched = 0

    @staticmethod
    def note(table: dict[str, list[Any]], what: str, path: str, count: int = 1) -> None:
        row = table.get(what)
        if row is None:
            if len(table) >= 1000:
                what = "others"
            row = table.setdefault(what, [0])
        row[0] += count
        if len(row) <= SAMPLES and path:
            row.append(path)

    def dump(self) -> dict[str, Any]:
        return dict(self.__dict__, links=list(self.links.items()))

    def merge(self, other: dict[str, Any]) -> dict[str, int]:
        """Add another process's tally; answers how many hard-linked inodes both had counted, by owner."""
        for name in ("owners", "failures", "skipped", "bits"):
            mine = getattr(self, name)
            for what, row in other[name].items():
                self.note(mine, what, "", row[0])
                ours = mine.get(what) or mine["others"]
                ours.extend(row[1 : SAMPLES + 2 - len(ours)])
        twice: dict[str, int] = {}
        for inode, owner in other["links"]:
            if inode in self.links:
                twice[owner] = twice.get(owner, 0) + 1
            self.links[inode] = owner
        self.vanished += other["vanished"]
        self.resumed += other["resumed"]
        self.matched += other["matched"]
        return twice

    @staticmethod
    def public(table: dict[str, list[Any]]) -> dict[str, dict[str, Any]]:
        return {k: {"count": v[0], "samples": v[1:]} for k, v in sorted(table.items())}


class State:
    """The append-only record beside the run; see the module's docstring for its lines."""

    def __init__(self, path: str, header: dict[str, Any], words: memoryview) -> None:
        self.path = path
        self.header = header
        self.fd = -1
        self.words = words
        self.error = False
        self.damaged_at = -1  # after a line that is not whole although its session went on
        self.saved = 0  # size when all of it was on disk
        self.foreign = False  # on another device than ROOT, or its fsync puts no other changes on disk
        self.root_fd = -1
        self.claims: dict[int, tuple[int, int, int]] = {}
        self.specials: dict[int, dict[int, int]] = {}
        self.moves: list[tuple[str, str]] = []
        self.undone_at = -1
        self.earlier = 0
        self.fresh = False  # begun by this run
        self.last = ""  # kind of its last line
        self.lost = False  # a power cut took its first line
        self.over = False  # that, or it is finished and names owners: a run begins another
        self.held: bytes | None = None  # undo: what is believed of it

    def __bool__(self) -> bool:
        return bool(self.path)

    def open(self, create: bool, wait: float = 10.0) -> None:
        flags = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        try:
            try:
                self.fd = os.open(self.path, flags)
            except FileNotFoundError:
                if not create:
                    raise Trouble("There is no state %s: nothing is known to undo." % shown(self.path)) from None
                self.fd = os.open(self.path, flags | os.O_CREAT | os.O_EXCL, 0o600)
                if os.fstat(self.fd).st_uid != os.geteuid():  # root is squashed
                    os.unlink(self.path)
                    self.close()
                    raise PermissionError(errno.EPERM, "") from None
        except OSError as problem:
            raise OSError(problem.errno, os.strerror(problem.errno or 0)) from None
        found = os.fstat(self.fd)
        if (
            not stat.S_ISREG(found.st_mode)
            or found.st_nlink != 1
            or found.st_mode & 0o002  # a group may write: the kubelet lets fsGroup's write to every file
            or found.st_uid != os.geteuid()
        ):
            raise Trouble(
                "The state %s is not trusted: it must be a regular file without other names, owned by uid %d and not "
                "writable by all (it has owner %d, mode %o); give another --state."
                % (shown(self.path), os.geteuid(), found.st_uid, stat.S_IMODE(found.st_mode))
            )
        if create and self.exposed():
            return  # it is left as it is, even if another than root holds it
        deadline = time.monotonic() + wait
        while True:
            try:
                fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as problem:
                if problem.errno not in (errno.EAGAIN, errno.EACCES):
                    break  # a server without locks
                if time.monotonic() > deadline:
                    raise Trouble(
                        "Another run holds the state %s: wait for it to end, or give another --state."
                        % shown(self.path)
                    ) from None
                time.sleep(0.1)

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def drop(self) -> None:
        try:
            os.unlink(self.path)
            self.path = ""
        except OSError:
            pass

    def exposed(self) -> bool:
        """Whether another than root may write it by now. Ask after reading: only root takes such a right away again."""
        return bool(os.fstat(self.fd).st_mode & 0o020)

    def read(self) -> bytes:
        with os.fdopen(os.dup(self.fd), "rb") as file:
            file.seek(0)
            return file.read()

    def seal(self) -> str:
        """NAME:BYTES:SHA256 of all that it holds; empty where others may have written it, or it can't be read."""
        import hashlib

        digest, size = hashlib.sha256(), 0
        try:
            while True:
                block = os.pread(self.fd, 1 << 20, size)
                if not block:
                    break
                digest.update(block)
                size += len(block)
            return "" if self.exposed() else "%s:%d:%s" % (os.path.basename(self.path), size, digest.hexdigest())
        except OSError:
            return ""

    def hold(self, seals: list[tuple[int, str]]) -> None:
        """Take into memory what can be believed of it, so that nobody changes it afterwards."""
        import hashlib

        data = self.read()
        exposed = self.exposed()
        name = shown(self.path)
        for size, digest in seals:
            if len(data) < size or hashlib.sha256(memoryview(data)[:size]).hexdigest() != digest:
                raise Trouble(
                    "The record %s is not the one that the run left: somebody changed it, so it can't tell any more "
                    "whom the entries belonged to. No owner was changed. %s" % (name, BRING_BACK)
                )
        if exposed and not seals:
            raise Trouble(
                "The record %s may have been changed by others: its group may write it (owner %d:%d, mode %o; the "
                "kubelet gives fsGroup that right), and its digest is not known here (the run was cut off, or its "
                "journal is another or an older one). No owner was changed. If a later run went on with the work, undo "
                "that run's journal; otherwise, where you are sure that nobody changed it, chmod 600 it as root and "
                "undo again." % (name, *os.fstat(self.fd)[4:6], stat.S_IMODE(os.fstat(self.fd).st_mode))
            )
        if exposed:
            size = max(size for size, _ in seals)
            self.held = memoryview(data)[size:].tobytes()
            if any(fields[0] not in SPEAKS_OF_NO_OWNER for _, fields in self.lines()):
                raise Trouble(
                    "The record %s names more owners than when the run that is to be undone left it, and others than "
                    "root may write it: somebody forged them, or a later run went on with it. No owner was changed. "
                    "Undo the later run's journal. Where there was none: %s" % (name, BRING_BACK)
                )
            data = data[:size]
        self.held = data

    def lines(self) -> Iterator[tuple[int, list[str]]]:
        """(offset, fields) of each whole line."""
        with os.fdopen(os.dup(self.fd), "rb") if self.held is None else io.BytesIO(self.held) as file:
            file.seek(0)
            offset = 0
            torn = False  # the line before
            for line in file:
                body = line[9:-1]
                whole = line.endswith(b"\n") and line[:8] == b"%08x" % zlib.crc32(body)
                if torn and body[:1] != b"b":
                    self.damaged_at = offset
                if whole:
                    yield offset, body.decode("ascii").split(" ")
                torn = not whole and line != b"\n"
                offset += len(line)

    def load(self, globs: str = "") -> None:
        """Read what earlier sessions proved, as far as they left out the same globs."""
        boot = boot_id()
        session_boot = ""
        fresh: list[tuple[int, int, tuple[Any, ...]]] = []
        empty, last, names_owners = True, "", False
        recent = abs(time.time() - os.fstat(self.fd).st_mtime) < CLAIMS_LAST
        believed = recent
        self.damaged_at = -1

        def prove(until: int = sys.maxsize) -> None:
            self.claims.update((key, claim) for at, key, claim in fresh if at < until)
            fresh[:] = [row for row in fresh if row[0] >= until]

        for at, fields in self.lines():
            kind = fields[0]
            last = last if kind == "c" else kind  # which a thread of a finished run may say late
            names_owners = names_owners or kind in "om"
            if kind == "h":
                empty = False
                found = json.loads(bytes.fromhex(fields[1]).decode())
                if found != self.header:
                    raise Unrelated(
                        "The state %s belongs to another run (%s, not %s): give another --state."
                        % (shown(self.path), json.dumps(found), json.dumps(self.header))
                    )
            elif kind == "b":
                if session_boot == fields[1]:
                    prove()
                del fresh[:]
                session_boot = fields[1]
                believed = recent and fields[2:] == globs.split()
            elif kind == "c":
                prove(int(fields[1], 16))
            elif kind == "f" and believed:
                fresh.append((at, int(fields[1], 16), (int(fields[2], 16), -1, 0)))
            elif kind == "p" and believed:
                claim = (int(fields[2], 16), int(fields[3], 16), int(fields[4], 16))
                fresh.append((at, int(fields[1], 16), claim))
            elif kind == "o":
                self.earlier += len(unpacked(fields[3]))
            elif kind == "s":
                self.specials.setdefault(int(fields[1], 16), {})[int(fields[2], 16)] = int(fields[3], 8)
            elif kind == "m":
                self.moves.append((os.fsdecode(bytes.fromhex(fields[1])), os.fsdecode(bytes.fromhex(fields[2]))))
            elif kind == "z":
                self.moves = []
                self.undone_at = at
                names_owners = False
            if kind in ("e", "d", "k", "z"):
                self.claims, self.specials, self.earlier = {}, {}, 0
                del fresh[:]
        if session_boot == boot:
            prove()
        head = os.pread(self.fd, 4096, 0)
        self.lost = not last and bool(head) and (b"\0" in head or b"\n" not in head)
        self.last = last
        self.over = self.lost or (names_owners and last in ("e", "d"))
        if empty and head and not self.lost:
            raise Trouble("%s is not a state of ours: give another --state." % shown(self.path))

    def begin(self, globs: str = "") -> None:
        """A session of ours begins."""
        size = os.fstat(self.fd).st_size
        self.fresh = not size
        if not size:
            self.write("h %s" % json.dumps(self.header).encode().hex())
        elif os.pread(self.fd, 1, size - 1) != b"\n":
            self.write("", raw=b"\n")  # a line torn by a kill must not swallow the next one
        self.write(("b %s %s" % (boot_id(), globs)).rstrip())

    def write(self, body: str, raw: bytes = b"") -> None:
        data = raw or b"%08x %s\n" % (zlib.crc32(body.encode("ascii")), body.encode("ascii"))
        if self.fd < 0 or self.error:
            return
        try:
            if os.write(self.fd, data) != len(data):
                os.write(self.fd, b"\n")  # half a line must not swallow the next one, which is another process's
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as problem:
            self.fail(problem)

    def fail(self, problem: OSError) -> None:
        self.error = True
        self.words[UNKEPT] = self.words[UNKEPT] or problem.errno or errno.EIO

    def checkpoint(self) -> None:
        """All lines so far, and the changes they speak of, are on disk."""
        if self.fd < 0 or self.error:
            return
        try:
            size = os.fstat(self.fd).st_size
            if size == self.saved:
                return
            if self.foreign:
                settle(self.root_fd)
            mark = "c %x" % size
            self.write(mark)
            os.fsync(self.fd)
            self.saved = size + len(mark) + 10
        except OSError as problem:
            self.fail(problem)

    def checkpoint_end(self) -> None:
        """As checkpoint, without a line after the last one."""
        if self.fd < 0 or self.error:
            return
        try:
            if self.foreign:
                settle(self.root_fd)
            os.fsync(self.fd)
        except OSError as problem:
            self.fail(problem)

    def said_last(self, path: str) -> str:
        """The kind of the last line of another shard's state (c may come after it); empty where it has none."""
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError:
            return ""
        try:
            last = ""
            if os.fstat(fd).st_uid == os.geteuid():
                os.lseek(fd, max(0, os.fstat(fd).st_size - 200), os.SEEK_SET)
                for line in os.read(fd, 200).split(b"\n"):
                    if line[:8] == b"%08x" % zlib.crc32(line[9:]) and line[9:10] not in (b"", b"c"):
                        last = line[9:10].decode()
            return last
        finally:
            os.close(fd)


def settle(fd: int) -> None:
    """Put the file system of fd on disk; all of them where syncfs can't be reached."""
    try:
        import ctypes

        if ctypes.CDLL(None, use_errno=True).syncfs(fd) == 0:
            return
    except (ImportError, OSError, AttributeError):
        pass
    os.sync()


def newest(path: str) -> str:
    """The last of FILE, FILE.1, FILE.2, ... that is there."""
    number = 0
    while os.path.lexists("%s.%d" % (path, number + 1)):
        number += 1
    return "%s.%d" % (path, number) if number else path


class Found:
    """The owners that earlier sessions found, by directory: two packed arrays, whatever the number of lines."""

    def __init__(self, states: list[State]) -> None:
        self.states = states
        self.blocks: list[tuple[Any, ...]] = []
        pairs: list[tuple[int, int, int]] = []
        for number, state in enumerate(states):
            for offset, fields in state.lines():
                if fields[0] == "o" and offset > state.undone_at:
                    pairs.append((int(fields[1], 16), number, offset))
                    if len(pairs) >= 100000:
                        self._seal(pairs)
                        pairs = []
        self._seal(pairs)

    def _seal(self, pairs: list[tuple[int, int, int]]) -> None:
        if pairs:
            pairs.sort()
            self.blocks.append(
                (
                    array.array("Q", [p[0] for p in pairs]),
                    array.array("H", [p[1] for p in pairs]),
                    array.array("Q", [p[2] for p in pairs]),
                )
            )

    def owners(self, key: int) -> dict[int, tuple[int, int]]:
        """(uid, gid) by inode, as first found in the directory with this key."""
        import bisect

        found: dict[int, tuple[int, int]] = {}
        for keys, numbers, offsets in self.blocks:
            i = bisect.bisect_left(keys, key)
            while i < len(keys) and keys[i] == key:
                data = self.states[numbers[i]].held or b""
                fields = data[offsets[i] + 9 : data.index(b"\n", offsets[i])].decode("ascii").split(" ")
                uid, _, gid = fields[2].partition(":")
                for inode in unpacked(fields[3]):
                    found.setdefault(inode, (int(uid), int(gid)))
                i += 1
        return found


class Window:
    """One reading of a large directory: done when all its entries and everything below them are."""

    __slots__ = ("crc", "end", "pending")

    def __init__(self, end: int, crc: int) -> None:
        self.end = end
        self.crc = crc
        self.pending = 0


class Node:
    """A directory being worked on, or (graft) the part of one that another process handed over."""

    __slots__ = (
        "before", "changes", "clean", "count", "crc", "depth", "fd", "gid", "graft", "ino", "iterator", "key", "mode",
        "name", "noted", "parent", "pending", "prefix", "uid", "users", "weight", "window", "windows",
    )  # fmt: skip

    def __init__(self, parent: Node | None, name: str, fd: int, ino: int, key: int, window: Window | None) -> None:
        self.parent = parent
        self.name = name
        self.fd = fd  # -1 while closed to save descriptors
        self.ino = ino
        self.key = key
        self.window = window  # of the parent
        self.depth: int = parent.depth + 1 if parent else 0
        self.users = 0
        self.pending = 0  # listing, subdirectories and batches not done yet
        self.iterator: Any = None
        self.windows: list[Window] = []
        self.count = 0  # names read so far
        self.crc = 0
        self.clean = True  # nothing below failed
        self.weight = 0  # entries done below that no line of the state claims
        self.uid = self.gid = self.mode = 0
        self.changes = False  # is to be changed itself
        self.noted = False  # its own owner is in the state
        self.graft: tuple[int, int, int] | None = None  # (process, ticket, units) that wait for it
        self.before: dict[int, tuple[int, int]] = {}  # undo: owners by inode
        self.prefix = ""

    def path(self, name: str | bytes = "") -> str:
        parts = [os.fsdecode(name)] if name else []
        node: Node | None = self
        while node is not None:
            if node.graft is not None:
                if node.prefix:
                    parts.append(node.prefix)
                break
            if node.name:
                parts.append(node.name)
            node = node.parent
        return "/".join(reversed(parts)) or "."


class Engine:
    """One process's share of the work: threads take from the top of a stack of tasks, idle processes get its bottom."""

    def __init__(self, job: Job, index: int) -> None:
        self.job = job
        self.index = index
        self.uid = job.uid
        self.gid = job.gid
        self.check = job.mode == "check"
        self.undo = job.mode == "undo"
        self.state = job.state
        self.keyed = bool(job.state) or job.shards > 1
        self.words = job.words
        self.row = ROW * (index + 1)
        lock = threading.Lock()
        self.cond = threading.Condition(lock)
        self.parked = threading.Condition(lock)  # threads that aren't wanted now
        self.tasks: collections.deque[tuple[Any, ...]] = collections.deque()
        self.busy = 0
        self.threads: list[threading.Thread] = []
        self.open: dict[Node, None] = {}  # in the order of opening: the first are the top of the tree
        self.open_max = job.open_max
        self.tally = Tally()
        self.away: dict[int, tuple[Node, Window | None]] = {}
        self.tickets = 0
        self.wall = self.cpu = 0.0
        self.waits = 0  # calls of the last thread that had to wait
        self.succeeded = False
        self.refusals = 0
        self.refused_with = 0
        self.noatime = NOATIME
        self.hand = "."
        self.links_lock = threading.Lock()
        self.wake_r, self.wake_w = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.root_done = False
        self.quota = job.quota
        self.others = b"\0" * 8

    # -- tasks ---------------------------------------------------------------------------------------------------

    def wake(self) -> None:
        try:
            os.write(self.wake_w, b"w")
        except OSError:
            pass

    def push(self, tasks: list[Any]) -> None:
        """Tasks (kind, node, names, window), the last to be taken first."""
        with self.cond:
            self.tasks.extend(tasks)
            self.cond.notify(len(tasks))

    def take(self, number: int) -> tuple[Any, ...] | None:
        """The next task for a thread; None when it is over."""
        words, row = self.words, self.row
        with self.cond:
            self.busy -= 1
            while True:
                if words[0]:
                    return None
                if number >= words[row + WANTED]:
                    self.cond.notify()
                    self.parked.wait(1.0)
                elif self.tasks:
                    break
                else:
                    if self.job.processes > 1 and not words[row + HUNGRY]:
                        self.wake()
                    self.cond.wait(0.5)
            self.busy += 1
            if self.job.processes > 1:
                self.give()
            kind, node, names, window = self.tasks[-1]
            if kind == DIRS:
                name = names.pop()
                if not names:
                    self.tasks.pop()
                if self.tasks:
                    self.cond.notify()
                return kind, node, name, window
            self.tasks.pop()
            return kind, node, names, window

    def give(self) -> None:
        """Hand the oldest directories (the largest subtrees) to a process that has nothing to do. Under the lock."""
        words = self.words
        for other in range(self.job.processes):
            if not words[ROW * (other + 1) + HUNGRY] or other == self.index:
                continue
            for place in range(min(8, len(self.tasks))):
                kind, node, names, window = self.tasks[place]
                if kind in (MORE, TOP) or node.fd < 0 or (len(self.tasks) == 1 and (kind == FILES or len(names) < 2)):
                    continue
                share = list(names) if kind == FILES else names[: (len(names) + 1) // 2]
                self.tickets += 1
                letter = (kind, self.index, self.tickets, share, node.ino, node.key, node.depth, node.path())
                while True:
                    data = marshal.dumps(letter)
                    if len(data) < 100000 or kind == FILES or len(share) < 2:
                        break
                    share = share[: len(share) // 2]
                    letter = (*letter[:3], share, *letter[4:])
                if len(data) >= 150000:
                    continue
                fds = array.array("i", [node.fd])
                self.away[self.tickets] = (node, window)  # first: the answer may be quicker than we are
                try:
                    self.job.pool_w.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)], socket.MSG_DONTWAIT)
                except OSError:
                    del self.away[self.tickets]
                    return
                words[ROW * (other + 1) + HUNGRY] = 0
                if kind == FILES or len(share) == len(names):
                    del self.tasks[place]
                else:
                    del names[: len(share)]
                break
            else:
                return

    def receive(self) -> bool:
        """Take what another process gave into the pool; whether there was something."""
        try:
            data, extra, _, _ = self.job.pool_r.recvmsg(212992, socket.CMSG_SPACE(4), socket.MSG_DONTWAIT)
        except OSError:
            return False
        fds = array.array("i")
        for level, kind, payload in extra:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds.frombytes(payload[:4])
        os.set_inheritable(fds[0], False)
        kind, giver, ticket, names, ino, key, depth, path = marshal.loads(data)  # noqa: S302  our own process wrote it
        node = Node(None, "", fds[0], ino, key, None)
        node.depth = depth
        node.pending = 1 if kind == FILES else len(names)
        node.graft = (giver, ticket, node.pending)
        node.prefix = "" if path == "." else path
        if self.undo:
            node.before = self.job.found.owners(key)
        node.noted = True  # the giver notes the directory's own owner
        self.words[self.row + HUNGRY] = 0
        self.push([(kind, node, names, None)])
        return True

    def returned(self) -> None:
        """Handed-over work that is done."""
        while True:
            try:
                letter = self.job.inbox_r[self.index].recv(4096, socket.MSG_DONTWAIT)
                ticket, units, weight, clean = marshal.loads(letter)  # noqa: S302  our own process wrote it
            except OSError:
                return
            node, window = self.away.pop(ticket)
            self.done(node, window, units, weight, clean)

    # -- descriptors ---------------------------------------------------------------------------------------------

    def hold(self, node: Node) -> int:
        """The node's descriptor, opened again if it was closed; let() when it is not used any longer."""
        with self.cond:
            if node.fd < 0:
                self._reopen(node)
            node.users += 1
            return node.fd

    def let(self, node: Node) -> None:
        with self.cond:
            node.users -= 1

    def _reopen(self, node: Node) -> None:
        chain = []
        above: Node | None = node
        while above is not None and above.fd < 0:
            chain.append(above)
            above = above.parent
        if above is None:
            raise OSError(errno.ESTALE, "closed")
        fd = above.fd
        for step in reversed(chain):
            try:
                found = self.open_directory(step.name, fd)
            finally:
                if fd != above.fd:
                    os.close(fd)
            fd = found
            status = os.fstat(fd)
            if status.st_dev != self.job.dev or status.st_ino != step.ino:
                os.close(fd)
                raise OSError(errno.ESTALE, "moved while working on it")
        node.fd = fd
        self.open[node] = None

    def open_directory(self, name: str, fd: int) -> int:
        try:
            return os.open(name, DIRECTORY_FLAGS | self.noatime, dir_fd=fd)
        except PermissionError:
            if not self.noatime:
                raise
            found = os.open(name, DIRECTORY_FLAGS, dir_fd=fd)
            self.noatime = 0  # only owners and CAP_FOWNER may leave the access time alone
            return found

    def keep(self, node: Node) -> None:
        """Remember an open node; close the uppermost unused ones when there are too many."""
        with self.cond:
            self.open[node] = None
            if len(self.open) > self.open_max:
                for other in list(itertools.islice(self.open, 16)):
                    if not other.users and other.parent is not None and other is not node:
                        del self.open[other]
                        os.close(other.fd)
                        other.fd = -1

    # -- the walk ------------------------------------------------------------------------------------------------

    def work(self, number: int) -> None:
        cpu_time, usage = time.thread_time, resource.getrusage
        while True:
            task = self.take(number)
            if task is None:
                return
            kind, node, names, window = task
            wall, cpu = time.perf_counter(), cpu_time()
            try:
                if kind == DIRS:
                    self.enter(node, names, window)
                elif kind == FILES:
                    clean = self.batch(node, names)
                    self.done(node, window, 1, len(names), clean)
                elif kind == MORE:
                    self.read(node)
                else:
                    self.begin(node, names)
            except Halt:
                pass
            except Exception as problem:  # noqa: BLE001  one directory's surprise must neither hang nor hide
                sys.excepthook(*sys.exc_info())
                self.fail(problem, node, "")
                self.words[0] = self.words[0] or LOST
            self.waits = usage(resource.RUSAGE_THREAD).ru_nvcsw
            self.cpu += cpu_time() - cpu
            self.wall += time.perf_counter() - wall

    def fail(self, problem: Exception, node: Node, name: str | bytes) -> bool:
        """Count what went wrong with an entry; True where it only vanished."""
        code = getattr(problem, "errno", None)
        if code == errno.ENOENT:
            with self.cond:
                self.tally.vanished += 1
            return True
        what = errno.errorcode.get(code, str(code)) if code else type(problem).__name__
        with self.cond:
            self.words[self.row + FAILED] += 1
            self.tally.note(self.tally.failures, what, shown(node.path(name)))
        return False

    def enter(self, parent: Node, name: str, window: Window | None) -> None:
        """Open a subdirectory and start on it."""
        job = self.job
        fd = -1
        try:
            held = self.hold(parent)
            try:
                if self.quota:
                    self.quota.spend(3)
                try:
                    fd = self.open_directory(name, held)
                except OSError as problem:
                    if problem.errno in (errno.ENOTDIR, errno.ELOOP):  # swapped since it was listed
                        self.done(parent, window, 1, 1, self.batch(parent, [os.fsencode(name)]))
                        return
                    raise
                status = os.fstat(fd)
            finally:
                self.let(parent)
        except OSError as problem:
            self.done(parent, window, 1, 1, self.fail(problem, parent, name))
            return
        if status.st_dev != job.dev:
            os.close(fd)
            with self.cond:
                self.tally.note(self.tally.skipped, "other file system", shown(parent.path(name)))
            self.done(parent, window, 1, 1, True)
            return
        key = key_below(parent.key, name) if self.keyed else 0
        node = Node(parent, name, fd, status.st_ino, key, window)
        claim = job.claims.get(key) if job.claims else None
        if claim and claim[0] == status.st_ino and claim[1] < 0:
            os.close(fd)
            self.tally.resumed += 1
            self.done(parent, window, 1, 0, True)
            return
        self.begin(node, status)

    def begin(self, node: Node, status: os.stat_result) -> None:
        job = self.job
        node.uid, node.gid, node.mode = status.st_uid, status.st_gid, status.st_mode
        mine = node.key % job.shards == job.shard
        if self.undo:
            node.before = job.found.owners(node.key)
            node.changes = mine and (status.st_uid, status.st_gid) == (self.uid, self.gid)
            if node.changes:
                # The directory's own owner stands in the lines of the directory itself.
                before = node.before.get(node.ino)
                node.changes = before not in (None, (self.uid, self.gid)) and not self.made_since(node, node.fd)
                if before:
                    node.uid, node.gid = before
        else:
            node.changes = mine and (status.st_uid != self.uid or status.st_gid != self.gid)
        with self.cond:
            if mine:
                self.words[self.row + SEEN] += 1
            if node.changes:
                self.words[self.row + WRONG] += 1
                owner = "%d:%d" % (status.st_uid, status.st_gid)
                row = self.tally.owners.get(owner, ())
                self.tally.note(self.tally.owners, owner, shown(node.path()) if len(row) <= SAMPLES else "")
        node.pending = 1
        node.weight = 1
        self.keep(node)
        self.hand = node.name or self.hand
        self.read(node)

    def read(self, node: Node) -> None:
        """Read the next window of a directory, work on its files, leave its subdirectories on the stack."""
        job = self.job
        size = WINDOW if len(self.tasks) < 2000 else 256
        entries: list[os.DirEntry[str]] = []
        clean = True
        over = False
        window = None
        try:
            fd = self.hold(node)
        except OSError as problem:
            self.done(node, None, 1, 0, self.fail(problem, node, "."))
            return
        try:
            if self.quota:
                self.quota.spend(2)
            try:
                if node.iterator is None:
                    node.iterator = os.scandir(fd)
                    if job.claims and node.key in job.claims:
                        self.skip_claimed(node, fd, job.claims[node.key])
                entries.extend(itertools.islice(node.iterator, size))
                over = len(entries) < size
            except OSError as problem:
                clean = self.fail(problem, node, ".")
                over = True
            dirs, files = self.ours(node, *self.sort_out(entries))
            if self.state and not self.undo and (not over or node.windows):
                node.count += len(entries)
                names = "\0".join([e.name for e in entries])
                node.crc = zlib.crc32(os.fsencode(names) + b"\0", node.crc)
                window = Window(node.count, node.crc)
            del entries
            if over and node.iterator is not None:
                node.iterator.close()
                node.iterator = None
            # As bytes, which a call takes as they are; all at once, which is quicker than each.
            here, batches = self.split(os.fsencode("\0".join(files)).split(b"\0") if files else [])
            with self.cond:
                node.pending += len(dirs) + len(batches)
                if window is not None:
                    window.pending = len(dirs) + len(batches) + 1
                    node.windows.append(window)
            tasks: list[tuple[Any, ...]] = [] if over else [(MORE, node, None, None)]
            if dirs:
                tasks.append((DIRS, node, dirs, window))
            tasks.extend((FILES, node, names, window) for names in batches)
            if tasks:
                if not over:
                    with self.cond:
                        node.pending += 1
                self.push(tasks)
            clean = self.batch(node, here, fd) and clean
        finally:
            self.let(node)
        self.done(node, window, 1, len(here), clean)

    def skip_claimed(self, node: Node, fd: int, claim: tuple[int, int, int]) -> None:
        """Go past the names that an earlier session is proved to have done: same number, same names, same order."""
        ino, count, crc = claim
        if ino != node.ino or count <= 0:
            return
        seen, sum_now = 0, 0
        while seen < count:
            names = [e.name for e in itertools.islice(node.iterator, min(WINDOW, count - seen))]
            if not names:
                break
            seen += len(names)
            sum_now = zlib.crc32(os.fsencode("\0".join(names)) + b"\0", sum_now)
        if seen == count and sum_now == crc:
            node.count, node.crc = count, crc
            self.tally.resumed += 1
        else:
            node.iterator.close()
            node.iterator = os.scandir(fd)

    @staticmethod
    def sort_out(entries: list[os.DirEntry[str]]) -> tuple[list[str], list[str]]:
        """(subdirectories, everything else)."""
        try:
            files = [e.name for e in entries if not e.is_dir(follow_symlinks=False)]
            dirs = [e.name for e in entries if e.is_dir(follow_symlinks=False)] if len(files) < len(entries) else []
        except OSError:  # no type in the listing and no status either: let the status call say why
            files, dirs = [], []
            for entry in entries:
                try:
                    (dirs if entry.is_dir(follow_symlinks=False) else files).append(entry.name)
                except OSError:
                    files.append(entry.name)
        return dirs, files

    def ours(self, node: Node, dirs: list[str], files: list[str]) -> tuple[list[str], list[str]]:
        """Both lists without what is left alone."""
        job = self.job
        if not node.depth or node.ino == job.state_dir:
            gone = [n for n in files + dirs if n.startswith(OUR_PREFIX) or n in SKIP_AT_TOP or job.is_state(node, n)]
            files = [n for n in files if n not in gone]
            dirs = [n for n in dirs if n not in gone]
            self.skip(node, gone)
        if job.mounted:
            gone = [n for n in files + dirs if job.is_mounted(n, node.path)]
            files = [n for n in files if n not in gone]
            dirs = [n for n in dirs if n not in gone]
            self.skip(node, gone, "mount point")
        if dirs:
            gone = [n for n in dirs if n in SKIP_DIRECTORIES]
            if gone:
                dirs = [n for n in dirs if n not in SKIP_DIRECTORIES]
                self.skip(node, gone)
        if job.excludes:
            gone = [n for n in files + dirs if job.excluded(n, node.path)]
            if gone:
                out = set(gone)
                files = [n for n in files if n not in out]
                dirs = [n for n in dirs if n not in out]
                self.skip(node, gone)
        if node.key % job.shards != job.shard:
            files = []
        return dirs, files

    def skip(self, node: Node, names: list[str], why: str = "excluded") -> None:
        with self.cond:
            for name in names:
                if not name.startswith(OUR_PREFIX):
                    self.tally.note(self.tally.skipped, why, shown(node.path(name)))

    def split(self, files: list[bytes]) -> tuple[list[bytes], list[list[bytes]]]:
        """(names to do now, batches for other threads): only where others have nothing to do."""
        hands = self.words[self.row + WANTED]
        if self.wall < 0.001:
            size = 2 * CHUNK_MIN  # not known yet how long a call takes
        elif hands == 1:
            size = WINDOW if self.job.processes == 1 or len(files) < 1024 else 512
        else:
            each = self.wall / (self.words[self.row + SEEN] + 1)  # seconds, a thread's
            size = max(CHUNK_MIN, min(WINDOW, int(BATCH_SECONDS / each)))
        return files[:size], [files[i : i + size] for i in range(size, len(files), size)]

    def batch(self, node: Node, names: list[bytes], fd: int = -1) -> bool:
        """Look at names in one directory and change what is wrong; whether all went well."""
        if len(names) > BLOCK:
            clean = True
            for start in range(0, len(names), BLOCK):
                clean = self.batch(node, names[start : start + BLOCK], fd) and clean
            return clean
        held = fd < 0
        if held:
            try:
                fd = self.hold(node)
            except OSError as problem:
                return self.fail(problem, node, ".")
        try:
            return self._batch(node, names, fd)
        finally:
            if held:
                self.let(node)

    def _batch(self, node: Node, names: list[bytes], fd: int) -> bool:
        words = self.words
        folders: list[bytes] = []  # not shown as such by the listing
        clean = True
        groups: dict[tuple[int, int], Group] = {}
        if self.undo and not node.before:
            names = []
        alike = self.alike(names, fd)
        if alike is not None:
            seen = len(names)
            owner, inodes = alike
            if owner != (self.uid, self.gid):
                groups[owner] = Group(names, inodes)
        else:
            seen, groups, clean = self.judge(node, names, fd, folders)
        changed = again = 0
        if groups or (node.changes and not node.noted):
            for owner, group in groups.items():
                if group.odd:
                    self.sift(node, group, folders)
                again += self.note(node, owner, group)
            if self.state and not self.check and not self.undo:
                self.record(node, groups)
            if not self.check:
                for group in groups.values():
                    done, well = self.change(node, group, fd)
                    changed += done
                    clean = clean and well
                changed = max(0, changed - again)
        if folders:
            self.descend(node, folders)
        with self.cond:
            words[self.row + SEEN] += seen - len(folders)
            words[self.row + CHANGED] += changed
        if self.job.limit and self.job.total(SEEN) >= self.job.limit and not words[0]:
            words[0] = LIMIT
        if words[0]:
            raise Halt
        return clean

    def alike(self, names: list[bytes], fd: int) -> tuple[tuple[int, int], list[int]] | None:
        """(owner, inodes) where all are plain files of one owner; None where each has to be looked at."""
        table = self.job.table
        if table is None or not names or self.words[self.row + WANTED] > 1 or not table.lock.acquire(False):
            return None
        try:
            return table.look(fd, names)
        finally:
            table.lock.release()

    def judge(
        self, node: Node, names: list[bytes], fd: int, folders: list[bytes]
    ) -> tuple[int, dict[tuple[int, int], Group], bool]:
        """(how many are there, the wrong ones by owner, all well); directories that are right are added to folders."""
        words, quota, before, dev = self.words, self.quota, node.before, self.job.dev
        specials = self.job.specials.get(node.key) if self.job.specials else None
        right = (self.uid, self.gid)
        status_of = os.stat
        seen, clean = 0, True
        groups: dict[tuple[int, int], Group] = {}
        for start in range(0, len(names), 32):
            if words[0]:
                break
            for name in names[start : start + 32]:
                if quota:
                    quota.spend(1)
                try:
                    status = status_of(name, dir_fd=fd, follow_symlinks=False)
                except OSError as problem:
                    clean = self.fail(problem, node, name) and clean
                    continue
                seen += 1
                owner = (status.st_uid, status.st_gid)
                if before:
                    if owner != right or before.get(status.st_ino, right) == right or self.made_since(node, fd, name):
                        continue
                elif owner == right:
                    if status.st_mode & 0o170000 == stat.S_IFDIR:
                        folders.append(name)
                    elif specials and status.st_ino in specials:
                        clean = self.mend_bits(node, name, fd, status, specials[status.st_ino]) and clean
                    continue
                group = groups.get(owner)
                if group is None:
                    group = groups[owner] = Group([], [])
                group.names.append(name)
                group.inodes.append(status.st_ino)
                if status.st_nlink != 1 or status.st_dev != dev or status.st_mode & ODD_MODES != stat.S_IFREG:
                    group.odd[name] = status
        return seen, groups, clean

    def made_since(self, node: Node, fd: int, name: bytes = b"") -> bool:
        """Undo: whether it is another entry, which took the inode of one that was changed and removed since."""
        births = self.job.births
        if births is None or not births.later(fd, name):
            return False
        self.skip(node, [os.fsdecode(name)], "made after the run")
        return True

    def descend(self, node: Node, folders: list[bytes]) -> None:
        """Walk directories that the listing did not show as such."""
        names = [os.fsdecode(name) for name in folders]
        gone = [name for name in names if name in SKIP_DIRECTORIES]
        self.skip(node, gone)
        names = [name for name in names if name not in gone]
        if names:
            with self.cond:
                node.pending += len(names)
            self.push([(DIRS, node, names, None)])

    def sift(self, node: Node, group: Group, folders: list[bytes]) -> None:
        """Drop what is on another file system, second names of a file, and directories (those are walked)."""
        dev, inodes = self.job.dev, set()
        kept = []
        for name, inode in zip(group.names, group.inodes):  # noqa: B905  no strict= before Python 3.10
            status = group.odd.get(name)
            if status is not None and stat.S_ISDIR(status.st_mode):
                folders.append(name)
            elif status is not None and status.st_dev != dev and self.job.dev_of_files:
                with self.cond:
                    self.tally.note(self.tally.skipped, "other file system", shown(node.path(name)))
            elif status is None or status.st_nlink == 1 or inode not in inodes:
                inodes.add(inode)
                kept.append((name, inode))
        group.names, group.inodes = [name for name, _ in kept], [inode for _, inode in kept]
        group.odd = {name: group.odd[name] for name in group.names if name in group.odd}

    def note(self, node: Node, owner: tuple[int, int], group: Group) -> int:
        """Count what is wrong, a file with several names once; answers how many had been counted."""
        text = "%d:%d" % owner
        tally = self.tally
        with self.cond:
            fresh = len(group.names)
            for status in group.odd.values():
                if status.st_nlink > 1:
                    if status.st_ino in tally.links:
                        fresh -= 1
                    elif len(tally.links) < LINKS_MAX:
                        tally.links[status.st_ino] = text
            again = len(group.names) - fresh
            if not fresh:
                return again
            row = tally.owners.get(text, ())
            for name in group.names[: max(0, SAMPLES + 1 - max(1, len(row)))]:
                tally.note(tally.owners, text, shown(node.path(name)), 0)
            tally.note(tally.owners, text, "", fresh)
            self.words[self.row + WRONG] += fresh
        return again

    def record(self, node: Node, groups: dict[tuple[int, int], Group]) -> None:
        """Write down the owners (of the directory itself too) before anything changes."""
        inodes = {owner: group.inodes for owner, group in groups.items()}
        with self.cond:
            first = node.changes and not node.noted
            node.noted = True
        if first:
            owner = (node.uid, node.gid)
            inodes[owner] = [*inodes.get(owner, ()), node.ino]
        for (uid, gid), numbers in inodes.items():
            if numbers:
                self.state.write("o %x %d:%d %s" % (node.key, uid, gid, packed(numbers)))
        for group in groups.values():
            for status in group.odd.values():
                if special(status) and self.keeps_bits(status.st_uid):
                    self.state.write("s %x %x %o" % (node.key, status.st_ino, stat.S_IMODE(status.st_mode)))

    def keeps_bits(self, owner: int) -> bool:
        return not self.undo and owner in (0, self.uid)

    def change(self, node: Node, group: Group, fd: int) -> tuple[int, bool]:
        """(how many were changed, whether all went well)."""
        chown, words, uid, gid, names = os.chown, self.words, self.uid, self.gid, group.names
        each = self.quota or node.before or group.odd  # not all get the same
        inodes = dict(zip(names, group.inodes)) if node.before else {}  # noqa: B905
        changed, clean = 0, True
        for start in range(0, len(names), 32):
            if words[0]:
                break
            for name in names[start : start + 32]:
                try:
                    if each:
                        self.change_one(node, name, fd, node.before[inodes[name]] if inodes else (uid, gid), group.odd)
                    else:
                        chown(name, uid, gid, dir_fd=fd, follow_symlinks=False)
                    changed += 1
                except OSError as problem:
                    clean = self.fail(problem, node, name) and clean
                    self.refused(problem)
        if changed:
            self.succeeded = True
        return changed, clean

    def change_one(
        self, node: Node, name: bytes, fd: int, owner: tuple[int, int], odd: dict[bytes, os.stat_result]
    ) -> None:
        if self.quota:
            self.quota.spend(1)
        status = odd.get(name)
        if status is not None and special(status):
            self.change_special(node, name, fd, status, *owner)
        else:
            os.chown(name, *owner, dir_fd=fd, follow_symlinks=False)

    def refused(self, problem: OSError) -> None:
        """Stop early where nothing at all may be changed."""
        if self.succeeded or problem.errno not in (errno.EPERM, errno.EACCES, errno.EROFS):
            return
        self.refusals += 1
        self.refused_with = problem.errno
        if self.refusals >= REFUSED_AFTER and not self.words[0]:
            self.succeeded = self.job.may_change()
            if not self.succeeded:
                self.words[0] = REFUSED

    def change_special(self, node: Node, name: bytes, fd: int, status: os.stat_result, uid: int, gid: int) -> None:
        """Change a file whose setuid or setgid bit chown clears, on one descriptor, and set the bits again."""
        held = os.open(name, PATH_ONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
        try:
            now = os.fstat(held)
            if now.st_ino != status.st_ino or now.st_dev != status.st_dev:
                raise OSError(errno.ESTALE, "replaced while working on it")
            link = "/proc/self/fd/%d" % held
            try:
                os.chown(link, uid, gid)
            except FileNotFoundError:  # it is held: what is not there is /proc
                raise OSError(errno.ENOSYS, "no /proc") from None
            if self.keeps_bits(status.st_uid) and now.st_uid == status.st_uid:
                try:
                    os.chmod(link, stat.S_IMODE(now.st_mode))
                except PermissionError:
                    pass
            kept = os.fstat(held).st_mode & SPECIAL_BITS == now.st_mode & SPECIAL_BITS
        finally:
            os.close(held)
        with self.cond:
            self.tally.note(self.tally.bits, "kept" if kept else "dropped", shown(node.path(name)))

    def mend_bits(self, node: Node, name: bytes, fd: int, status: os.stat_result, mode: int) -> bool:
        """A run killed between chown and chmod left the bits off: set them."""
        if not stat.S_ISREG(status.st_mode) or stat.S_IMODE(status.st_mode) & ~SPECIAL_BITS != mode & ~SPECIAL_BITS:
            return True
        if status.st_mode & SPECIAL_BITS == mode & SPECIAL_BITS or self.check:
            return True
        try:
            held = os.open(name, PATH_ONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
            try:
                if os.fstat(held).st_ino == status.st_ino:
                    os.chmod("/proc/self/fd/%d" % held, mode)
            finally:
                os.close(held)
        except OSError as problem:
            return self.fail(problem, node, name)
        with self.cond:
            self.tally.note(self.tally.bits, "kept", shown(node.path(name)))
        return True

    # -- the way back up -----------------------------------------------------------------------------------------

    def done(self, node: Node, window: Window | None, units: int, weight: int, clean: bool) -> None:
        """Some of a directory's work is done; finish it and those above when it was the last."""
        while True:
            with self.cond:
                node.pending -= units
                node.weight += weight
                node.clean = node.clean and clean
                if window is not None:
                    window.pending -= units
                if node.pending:
                    claim = self.progress(node) if node.windows else None
                else:
                    claim = None
                    self.open.pop(node, None)
                pending = node.pending
            if pending:
                if claim:
                    self.state.write(claim)
                return
            if self.words[0]:
                return
            if node.graft is not None:
                os.close(node.fd)
                giver, ticket, share = node.graft
                letter = marshal.dumps((ticket, share, node.weight, node.clean))
                self.job.inbox_w[giver].send(letter)
                return
            try:
                with self.cond:
                    if node.fd < 0:
                        self._reopen(node)
                    self.open.pop(node, None)
            except OSError as problem:
                node.changes = False
                node.clean = self.fail(problem, node, "")
            self.close(node)
            if node.parent is None:
                self.root_done = True
                self.wake()
                return
            node, window, units, weight, clean = node.parent, node.window, 1, node.weight, node.clean

    def progress(self, node: Node) -> str | None:
        """The claim line for the first windows of a large directory, when they are done. Under the lock."""
        windows = node.windows
        last = None
        while len(windows) > 1 and not windows[0].pending:
            last = windows.pop(0)
        if last is None or not node.clean or node.weight < self.threshold():
            return None
        node.weight = 0
        return "p %x %x %x %x" % (node.key, node.ino, last.end, last.crc)

    def threshold(self) -> int:
        """Entries worth a line: keeps the state at some ten thousand claims whatever the size of the tree."""
        return max(32, self.words[self.row + SEEN] // 20000)

    def close(self, node: Node) -> None:
        """The content is done: change the directory itself, claim it, give up its descriptor."""
        job = self.job
        top = node.parent is None
        if node.changes and not self.check and not (top and not job.owns_top(node.clean)):
            if self.quota:
                self.quota.spend(1)
            try:
                mode = os.fstat(node.fd).st_mode if node.mode & SPECIAL_BITS else 0
                os.fchown(node.fd, node.uid if self.undo else self.uid, node.gid if self.undo else self.gid)
                self.succeeded = True
                with self.cond:
                    self.words[self.row + CHANGED] += 1
                if mode:
                    self.check_bits(node, mode)
            except OSError as problem:
                node.clean = self.fail(problem, node, "") and node.clean
                self.refused(problem)
        parent = node.parent
        if (
            self.state
            and not self.check
            and not self.undo
            and not top
            and node.clean
            and node.weight >= self.threshold()
        ):
            self.state.write("f %x %x" % (node.key, node.ino))
            node.weight = 0
        if node.fd >= 0 and parent is not None and parent.fd < 0:
            self.climb(node, parent)
        if node.fd >= 0:
            os.close(node.fd)
            node.fd = -1

    def shut(self) -> None:
        """Give up this process's own descriptors, unless a thread still hangs in a call."""
        if self.busy:
            return
        for node in self.open:
            if node.iterator is not None:
                node.iterator.close()
            os.close(node.fd)
        for fd in (self.wake_r, self.wake_w):
            os.close(fd)

    def check_bits(self, node: Node, mode: int) -> None:
        """Linux keeps the bits of directories; a file server may not."""
        now = os.fstat(node.fd).st_mode
        lost = mode & ~now & SPECIAL_BITS
        if lost:
            os.fchmod(node.fd, stat.S_IMODE(now | lost))
            lost &= ~os.fstat(node.fd).st_mode
        if lost:
            with self.cond:
                self.tally.note(self.tally.bits, "dropped", shown(node.path()))

    def climb(self, node: Node, parent: Node) -> None:
        """Open a closed parent again through "..", if that is still the directory we came from."""
        try:
            fd = self.open_directory("..", node.fd)
        except OSError:
            return
        status = os.fstat(fd)
        with self.cond:
            if parent.fd < 0 and status.st_ino == parent.ino and status.st_dev == self.job.dev:
                parent.fd = fd
                self.open[parent] = None
                return
        os.close(fd)


class Quota:
    """At most so many metadata calls a second, over all threads (a run with a rate has one process)."""

    def __init__(self, rate: float, words: memoryview) -> None:
        self.rate = rate
        self.words = words
        self.lock = threading.Lock()
        self.at = time.monotonic()

    def spend(self, calls: int) -> None:
        with self.lock:
            self.at = max(self.at, time.monotonic() - 0.05) + calls / self.rate
            due = self.at
        while not self.words[0]:
            wait = due - time.monotonic()
            if wait <= 0:
                return
            time.sleep(min(wait, 0.2))


class Look:
    """A limited look: the top levels with half of the budget, then descents from ROOT along random directories."""

    READ_MAX = 4 * WINDOW  # names read of one directory
    PER_DIRECTORY = 32  # entries looked at in each directory of a descent
    TOP_MAX = 250000  # entries of the top levels: their directories wait in memory
    IN_VAIN = 64  # descents of a thread in a row that met no new directory, after which it gives up

    def __init__(self, job: Job, limit: int, seconds: float, seed: int) -> None:
        self.job = job
        self.limit = limit or 1 << 60
        self.started = time.monotonic()
        self.seconds = seconds or 1e9
        import random

        self.dice = random.Random
        self.seed = seed
        self.lock = threading.Lock()
        self.tally = Tally()
        self.asked = 0  # entries looked at, those that vanished or failed too
        self.seen = 0
        self.wrong = 0
        self.failed = 0
        self.queue: collections.deque[tuple[str, ...]] = collections.deque([()])
        self.working = 0
        self.whole = True
        self.visited: set[tuple[str, ...]] = set()
        self.weights: list[tuple[float, float]] = []  # (directories, entries) that each descent stands for
        self.here = ""

    def over(self, share: float = 1.0) -> bool:
        if self.job.words[0]:
            return True
        return self.asked >= self.limit * share or time.monotonic() - self.started >= self.seconds * share

    def fail(self, problem: OSError, path: str) -> None:
        with self.lock:
            if problem.errno == errno.ENOENT:
                self.tally.vanished += 1
                return
            self.failed += 1
            Tally.note(self.tally.failures, errno.errorcode.get(problem.errno or 0, str(problem.errno)), shown(path))

    def opened(self, parts: tuple[str, ...]) -> int:
        fd = os.dup(self.job.root_fd)
        for part in parts:
            try:
                below = os.open(part, DIRECTORY_FLAGS, dir_fd=fd)
            finally:
                os.close(fd)
            fd = below
        return fd

    def listed(self, fd: int, parts: tuple[str, ...]) -> tuple[list[str], list[str], bool]:
        """(subdirectories, everything else, whether this is all)."""
        with os.scandir(fd) as entries:
            some = list(itertools.islice(entries, self.READ_MAX))
        job = self.job
        dirs: list[str] = []
        files: list[str] = []

        def path(name: str) -> str:
            return "/".join((*parts, name))

        for entry in some:
            name = entry.name
            if not parts and (name.startswith(OUR_PREFIX) or name in SKIP_AT_TOP):
                continue
            folder = entry.is_dir(follow_symlinks=False)
            if (folder and name in SKIP_DIRECTORIES) or job.is_mounted(name, path):
                continue
            if job.excludes and job.excluded(name, path):
                continue
            (dirs if folder else files).append(name)
        return dirs, files, len(some) < self.READ_MAX

    def inspect(self, fd: int, parts: tuple[str, ...], names: list[str]) -> list[str]:
        """Look at names, as far as the limit goes; answers those on another file system."""
        away, seen, wrong = [], 0, []
        with self.lock:
            room = max(0, self.limit - self.asked)
            self.asked += min(room, len(names))
            self.whole = self.whole and room >= len(names)
        for name in names[:room]:
            if self.job.words[0]:
                break
            if self.job.quota:
                self.job.quota.spend(1)
            try:
                status = os.stat(name, dir_fd=fd, follow_symlinks=False)
            except OSError as problem:
                self.fail(problem, "/".join((*parts, name)))
                continue
            if status.st_dev != self.job.dev and (self.job.dev_of_files or stat.S_ISDIR(status.st_mode)):
                away.append(name)
                continue
            seen += 1
            if status.st_uid != self.job.uid or status.st_gid != self.job.gid:
                wrong.append(("%d:%d" % (status.st_uid, status.st_gid), name, status))
        with self.lock:
            self.seen += seen
            for owner, name, status in wrong:
                if status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode):
                    if status.st_ino in self.tally.links:
                        continue
                    if len(self.tally.links) < LINKS_MAX:
                        self.tally.links[status.st_ino] = owner
                self.wrong += 1
                Tally.note(self.tally.owners, owner, shown("/".join((*parts, name))))
        return away

    def level(self, parts: tuple[str, ...]) -> None:
        """Look at all of one directory, and queue its subdirectories."""
        fd = self.opened(parts)
        try:
            dirs, files, all_read = self.listed(fd, parts)
            away = self.inspect(fd, parts, dirs)
            room = max(256, int(min(self.limit, 4 * self.TOP_MAX) / 8))
            if len(files) > room:
                files = self.dice(self.seed).sample(files, room)
                all_read = False
            self.inspect(fd, parts, files)
        finally:
            os.close(fd)
        with self.lock:
            self.whole = self.whole and all_read
            self.visited.add(parts)
            self.queue.extend((*parts, name) for name in dirs if name not in away)

    def top_levels(self) -> None:
        while not self.over(0.5) and self.seen < self.TOP_MAX:
            with self.lock:
                parts = self.queue.popleft() if self.queue else None
                if parts is None and not self.working:
                    return
                self.working += parts is not None
            if parts is None:
                time.sleep(0.002)
                continue
            self.here = parts[-1] if parts else "."
            try:
                self.level(parts)
            except OSError as problem:
                self.fail(problem, "/".join(parts) or ".")
            finally:
                with self.lock:
                    self.working -= 1

    def descents(self, number: int) -> None:
        dice = self.dice(self.seed * 1000 + number)
        in_vain = 0
        while self.queue and not self.over() and in_vain < self.IN_VAIN:
            in_vain += 1
            parts: tuple[str, ...] = ()
            weight, directories, entries = 1.0, 0.0, 0.0
            while not self.over():
                try:
                    fd = self.opened(parts)
                    try:
                        if os.fstat(fd).st_dev != self.job.dev:
                            break
                        dirs, files, _ = self.listed(fd, parts)
                        with self.lock:
                            known = parts in self.visited
                            if len(self.visited) < self.TOP_MAX:
                                self.visited.add(parts)
                        if not known:
                            in_vain = 0
                            names = files + dirs
                            self.inspect(fd, parts, dice.sample(names, min(len(names), self.PER_DIRECTORY)))
                    finally:
                        os.close(fd)
                except OSError as problem:
                    self.fail(problem, "/".join(parts) or ".")
                    break
                directories += weight
                entries += weight * (len(dirs) + len(files))
                if not dirs:
                    with self.lock:
                        self.weights.append((directories, entries))
                    break
                weight *= len(dirs)
                parts = (*parts, dice.choice(dirs))
                self.here = parts[-1]

    def run(self, progress: Callable[[], None]) -> None:
        self.inspect_root()
        for phase in (lambda _: self.top_levels(), self.descents):
            threads = [threading.Thread(target=phase, args=(i,), daemon=True) for i in range(self.job.look_threads)]
            for thread in threads:
                thread.start()
            while any(thread.is_alive() for thread in threads):
                threads[0].join(0.05)
                time.sleep(0.01 if threads[0].is_alive() else 0.05)
                progress()
                if self.job.words[0]:
                    return

    def inspect_root(self) -> None:
        status = os.fstat(self.job.root_fd)
        self.asked = self.seen = 1
        if status.st_uid != self.job.uid or status.st_gid != self.job.gid:
            self.wrong += 1
            Tally.note(self.tally.owners, "%d:%d" % (status.st_uid, status.st_gid), ".")

    def looked(self) -> dict[str, Any]:
        """How much was seen and what it proves.

        A directory's chance to be met by one descent is one over the product of the branchings above it. The sum of
        these products over a descent is Knuth's estimate of the size of the tree; how much the sums differ tells how
        many evenly drawn directories the descents are worth (Kish's effective sample size).
        """
        everything = self.whole and not (self.queue or self.working or self.failed or self.job.words[0])
        looked: dict[str, Any] = {"entries": self.seen, "exhaustive": everything, "confidence": CONFIDENCE}
        if everything:
            return dict(looked, confidence=1.0, wrong_directories_share=0.0, wrong_entries_share=0.0)
        sums = [d for d, _ in self.weights]
        worth = sum(sums) ** 2 / sum(d * d for d in sums) if sums else 0.0
        return dict(
            looked,
            descents=len(sums),
            effective_directories=round(worth, 1),
            estimated_entries=round(sum(e for _, e in self.weights) / len(sums)) if sums else None,
            wrong_directories_share=smallest_share(worth),
            wrong_entries_share=smallest_share(self.seen),
            seed=self.seed,
        )


def smallest_share(draws: float) -> float:
    """The share that so many even draws meet at least once with CONFIDENCE; 1.0 where they prove nothing."""
    return round(1 - (1 - CONFIDENCE) ** (1 / draws), 6) if draws >= 1 else 1.0


class Job:
    """What is to be done, on what, and the channels between the processes."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.started = time.monotonic()
        self.mode = "undo" if args.undo else "check" if args.check else "run"
        self.uid, self.gid = args.uid, args.gid
        self.limit = args.limit or 0
        self.rate = args.rate or 0
        self.shard, self.shards = args.shard
        self.excludes = [(g[1:] if g.startswith("./") else g).rstrip("/") for g in args.exclude]
        self.path = os.path.realpath(args.root)
        if self.path == "/" and self.mode != "check":
            raise Trouble("ROOT is the root of the whole file system: give the directory of one volume.")
        try:
            self.root_fd = os.open(self.path, DIRECTORY_FLAGS)
        except OSError as problem:
            raise Trouble("Cannot open %s: %s." % (shown(self.path), os.strerror(problem.errno or 0))) from None
        self.top = os.fstat(self.root_fd)
        self.dev = self.top.st_dev
        kind = mount_of(self.path)[0]
        self.dev_of_files = kind != "overlay"  # there files show the device of the layer they come from
        self.syncs_alone = kind in ("btrfs", "f2fs", "bcachefs")  # a file without what was changed elsewhere before
        self.mounted = mounted_below(self.root_fd, self.path.rstrip("/"))
        self.words = memoryview(mmap.mmap(-1, 8 * ROW * (PROCESSES_MAX + 2))).cast("Q")
        self.quota = Quota(args.rate, self.words) if args.rate else None
        self.state = State("", {}, self.words)
        self.states: list[State] = []
        self.damaged: list[State] = []  # undo: those that do not tell all
        self.left_out: list[str] = []
        self.helpers: dict[int, int] = {}  # process id -> where its report comes from
        self.killed = False
        self.reports: list[int] = []
        self.life_r = -1
        self.sockets: list[socket.socket] = []
        self.state_dir = -1
        self.state_name = ""
        self.state_problem = ""
        self.found = Found([])
        self.table: Table | None = None
        self.births: Births | None = None
        self.claims: dict[int, tuple[int, int, int]] = {}
        self.specials: dict[int, dict[int, int]] = {}
        self.aside: list[dict[str, Any]] = []
        self.processes = 1 if self.rate else max(1, min(cpus(), PROCESSES_MAX, args.jobs or PROCESSES_MAX))
        self.look_threads = args.jobs or 8
        self.threads_fixed = -(-args.jobs // self.processes) if args.jobs else 0
        self.threads_max = self.threads_fixed or max(16, THREADS_MAX // self.processes)
        self.open_max = self.descriptors()
        self.out_broken = sys.stdout is None  # closed before it began
        self.said = 0.0
        self.said_seen = 0

    @staticmethod
    def descriptors() -> int:
        """Directories that may be open at a time, as far as the limit goes."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        best = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
        if soft != resource.RLIM_INFINITY and soft < best:
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, (best, hard))
                soft = best
            except (OSError, ValueError):
                pass
        return max(64, min(soft if soft != resource.RLIM_INFINITY else best, 8192) - 2 * THREADS_MAX - 64)

    # -- what is left alone --------------------------------------------------------------------------------------

    def is_state(self, node: Node, name: str) -> bool:
        return node.ino == self.state_dir and bool(self.part_of(name, self.state_name)[0])

    def is_mounted(self, name: str, path: Callable[[str], str]) -> bool:
        return name in self.mounted and path(name) in self.mounted[name]

    def excluded(self, name: str, path: Callable[[str], str]) -> bool:
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in self.excludes):
            return True
        deep = [pattern for pattern in self.excludes if "/" in pattern]
        return bool(deep) and any(fnmatch.fnmatchcase(path(name), p.lstrip("/")) for p in deep)

    def may_change(self) -> bool:
        """Whether the volume lets anything change: a file without a name in ROOT, or else ROOT to the owner it has."""
        try:
            fd, uid, gid = os.open(".", os.O_TMPFILE | os.O_WRONLY, 0o600, dir_fd=self.root_fd), self.uid, self.gid
        except (OSError, AttributeError):  # as on NFS
            fd, uid, gid = os.dup(self.root_fd), *os.fstat(self.root_fd)[4:6]
        try:
            os.fchown(fd, uid, gid)
        except OSError:
            return False
        finally:
            os.close(fd)
        return True

    def owns_top(self, clean: bool) -> bool:
        """Whether ROOT is changed on the way back up: after failures below it stays wrong, so that they are noticed."""
        return self.mode == "undo" or (clean and self.shards == 1)

    # -- the state -----------------------------------------------------------------------------------------------

    def open_state(self) -> None:
        name = self.args.state
        if not name or self.mode == "check":
            if self.mode == "undo":
                raise Trouble("--undo needs the --state of the run to undo.")
            return
        header = {"v": VERSION, "root": self.top.st_ino, "uid": self.uid, "gid": self.gid}
        if self.mode == "undo":
            self.open_records(name, header)
        else:
            self.states.append(self.open_own(name, header))
        for state in self.states:
            state.root_fd = self.root_fd
            state.foreign = self.syncs_alone or os.fstat(state.fd).st_dev != self.dev
        above = os.stat(os.path.dirname(os.path.abspath(name)))
        if above.st_dev == self.dev:
            self.state_dir, self.state_name = above.st_ino, os.path.basename(name)
        self.state = self.states[0]
        if self.mode == "undo":
            self.found = Found(self.states)
            for state in self.states:
                state.write("k")
        else:
            self.claims, self.specials = self.state.claims, self.state.specials

    def open_own(self, name: str, header: dict[str, Any]) -> State:
        """The state of a run: the first of FILE, FILE.1, ... that is not over and only root may have written."""
        if self.shards > 1:
            name = "%s.%d-of-%d" % (name, self.shard, self.shards)
            header = dict(header, shard="%d/%d" % (self.shard, self.shards))
        globs = "%x" % key_below(0, "\0".join(sorted(self.excludes))) if self.excludes else ""
        for number in itertools.count():
            state = State("%s.%d" % (name, number) if number else name, header, self.words)
            state.open(create=True)
            if not state.exposed():
                state.load(globs)
                if not state.exposed() and not state.over:
                    break
            state.close()
        state.begin(globs)
        return state

    def open_records(self, name: str, header: dict[str, Any]) -> None:
        """The states to be undone, or Trouble before any of them is written to."""
        seals: dict[str, list[tuple[int, str]]] = {}
        for record, size, digest in self.args.record:
            seals.setdefault(record, []).append((size, digest))
        folder, base = os.path.split(os.path.abspath(name))
        parts = {self.part_of(record, base)[0] for record in seals if self.part_of(record, base)[1]}
        records = self.records(folder, base)
        for record in sorted(set(seals).difference(records)):
            raise Trouble(
                "The record %s is gone, so nobody can tell any more whom the entries belonged to. No owner was "
                "changed. %s" % (shown(os.path.join(folder, record)), BRING_BACK)
            )
        for record in records or [base]:
            job, part = self.part_of(record, base)
            state = State(os.path.join(folder, record), dict(header, shard=part) if part else header, self.words)
            try:
                state.open(create=False)
                state.hold(seals.get(record, []))
                state.load()
            except (Trouble, OSError) as problem:
                state.close()
                unrelated = isinstance(problem, Unrelated)
                if record in seals or (record == base and not seals if unrelated else not seals or job in parts):
                    raise
                self.left_out.append(shown(record))
                continue
            if state.lost:
                self.left_out.append(shown(record))
            if state.lost or (state.last == "e" and seals and record not in seals and job not in parts):
                state.close()  # or of a finished run that is not asked for
            else:
                self.states.append(state)
        if not self.states:
            raise Trouble("There is no state %s of this run: nothing is known to undo." % shown(name))
        found = [os.fstat(state.fd) for state in self.states]
        if all(status.st_dev == self.dev for status in found):  # one clock
            try:
                self.births = Births(max(status.st_mtime_ns for status in found))
            except (ImportError, AttributeError, OSError):
                pass
        for state in self.states:
            state.begin()

    @staticmethod
    def part_of(record: str, base: str) -> tuple[str, str]:
        """(name of all shards, "I/N") of one shard's record, (base, "") of base and base.1, ...; ("", "") of others."""
        if not (record + ".").startswith(base + "."):
            return "", ""
        rest = record[len(base) + 1 :].split(".")
        if rest[-1].isdigit():
            rest.pop()
        index, of, count = rest[-1].partition("-of-") if rest else ("", "", "")
        if of:
            return ".".join([base, *rest[:-1]]), "%s/%s" % (index, count)
        return ("", "") if any(rest) else (base, "")

    def records(self, folder: str, base: str) -> list[str]:
        """Names in folder: base, base.1, ..., and those of shards."""
        try:
            mine = [name for name in os.listdir(folder) if self.part_of(name, base)[0]]
        except OSError:
            return []
        return sorted(mine, key=lambda name: (*self.part_of(name, base), len(name), name))

    # -- moving aside --------------------------------------------------------------------------------------------

    def parent_of(self, path: str) -> tuple[int, str]:
        """(descriptor of the directory that holds path, last name), without following any link."""
        parts = [part for part in path.split("/") if part not in ("", ".")]
        if not parts or ".." in parts or path.startswith("/"):
            raise Trouble("--move-aside takes a path below ROOT, not %r." % path)
        fd = os.dup(self.root_fd)
        for part in parts[:-1]:
            try:
                below = os.open(part, DIRECTORY_FLAGS, dir_fd=fd)
            finally:
                os.close(fd)
            fd = below
        return fd, parts[-1]

    def move_aside(self, path: str) -> dict[str, Any]:
        """Rename what another user left at path, so that the new owner can start afresh; again is no change."""
        report = {"path": shown(path), "moved": False}
        try:
            fd, name = self.parent_of(path)
        except OSError as problem:
            if problem.errno == errno.ENOENT:
                return dict(report, why="absent")
            return dict(report, why="failed", error=errno.errorcode.get(problem.errno or 0, "?"))
        try:
            status = os.stat(name, dir_fd=fd, follow_symlinks=False)
            report["owner"] = "%d:%d" % (status.st_uid, status.st_gid)
            if status.st_dev != self.dev:
                return dict(report, why="other file system")
            if status.st_uid == self.uid and not self.holds_foreign(name, fd, status):
                return dict(report, why="belongs to the new owner")
            if self.mode == "check":
                return dict(report, why="found")
            stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
            for number in range(100):
                fresh = "%s.posit-audit-%s%s" % (name, stamp, "-%d" % number if number else "")
                try:
                    os.stat(fresh, dir_fd=fd, follow_symlinks=False)
                except FileNotFoundError:
                    break
            if self.state:
                self.state.write("m %s %s" % (hexed(path), hexed(fresh)))
            os.rename(name, fresh, src_dir_fd=fd, dst_dir_fd=fd)
            return dict(report, moved=True, to=shown(os.path.join(os.path.dirname(path), fresh)))
        except FileNotFoundError:
            return dict(report, why="absent")
        except OSError as problem:
            return dict(report, why="failed", error=errno.errorcode.get(problem.errno or 0, "?"))
        finally:
            os.close(fd)

    def holds_foreign(self, name: str, fd: int, status: os.stat_result) -> bool:
        """Whether one of the first thousand entries of a directory belongs to another user."""
        if not stat.S_ISDIR(status.st_mode):
            return False
        inside = os.open(name, DIRECTORY_FLAGS, dir_fd=fd)
        try:
            with os.scandir(inside) as entries:
                return any(
                    os.stat(e.name, dir_fd=inside, follow_symlinks=False).st_uid != self.uid
                    for e in itertools.islice(entries, 1000)
                )
        finally:
            os.close(inside)

    def move_back(self, path: str, fresh: str) -> dict[str, Any]:
        report = {"path": shown(path), "moved": False, "from": shown(fresh)}
        try:
            fd, name = self.parent_of(path)
        except OSError as problem:
            return dict(report, why="failed", error=errno.errorcode.get(problem.errno or 0, "?"))
        there = False
        try:
            try:
                os.stat(name, dir_fd=fd, follow_symlinks=False)
                there = True
            except FileNotFoundError:
                pass
            os.stat(fresh, dir_fd=fd, follow_symlinks=False)
            if there:
                return dict(report, why="failed", error="EEXIST")
            os.rename(fresh, name, src_dir_fd=fd, dst_dir_fd=fd)
            return dict(report, moved=True)
        except FileNotFoundError:
            if there:  # an undo that was cut off moved it, or its run never did
                return dict(report, why="in its place")
            return dict(report, why="failed", error="ENOENT")
        except OSError as problem:
            return dict(report, why="failed", error=errno.errorcode.get(problem.errno or 0, "?"))
        finally:
            os.close(fd)

    # -- running -------------------------------------------------------------------------------------------------

    def channels(self) -> None:
        self.pool_r, self.pool_w = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(self.processes)]
        self.inbox_r, self.inbox_w = [p[0] for p in pairs], [p[1] for p in pairs]
        self.sockets = [self.pool_r, self.pool_w, *self.inbox_r, *self.inbox_w]
        self.life_r, self.life_w = os.pipe()  # closes when the first process ends, however it ends

    def serve(self, engine: Engine) -> None:
        """Main thread of each process: bring work in, fit the number of threads, until it is over."""
        words, row = self.words, engine.row
        first = engine.index == 0
        words[row + WANTED] = self.threads_fixed or max(
            1, *(words[ROW * (i + 1) + WANTED] for i in range(self.processes))
        )
        pace = Pace(self, engine)
        while not words[0] and not engine.root_done:
            while len(engine.threads) < words[row + WANTED]:
                self.start_thread(engine)
            starving = self.processes > 1 and not engine.tasks and engine.busy < words[row + WANTED]
            words[row + HUNGRY] = 1 if starving else 0
            words[row + TASKS] = len(engine.tasks)
            sources: list[Any] = [engine.wake_r, self.inbox_r[engine.index]]
            if starving:
                sources.append(self.pool_r)
            if not first:
                sources.append(self.life_r)
            ready = select.select(sources, [], [], pace.wait())[0]
            if self.pool_r in ready:
                engine.receive()
            if engine.wake_r in ready:
                os.read(engine.wake_r, 4096)
            engine.returned()
            if self.life_r in ready:
                break
            pace.adapt()
            if first:
                self.progress(engine.hand)
                self.watch()
                if self.state and pace.checkpoint_due():
                    threading.Thread(target=self.state.checkpoint, daemon=True).start()
                if self.args.seconds and time.monotonic() - self.started > self.args.seconds and not words[0]:
                    words[0] = LIMIT

    @staticmethod
    def start_thread(engine: Engine) -> None:
        with engine.cond:
            engine.busy += 1
        thread = threading.Thread(target=engine.work, args=(len(engine.threads),), daemon=True)
        engine.threads.append(thread)
        thread.start()

    def watch(self) -> None:
        """A helper that died took work with it."""
        for pid in list(self.helpers):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                del self.helpers[pid]
                self.killed = self.killed or os.WIFSIGNALED(status)
                if not self.words[0]:
                    self.words[0] = LOST

    def close(self) -> None:
        for end in self.sockets:
            end.close()
        for fd in (*(state.fd for state in self.states), *self.reports, self.life_r, self.root_fd):
            if fd >= 0:
                os.close(fd)

    def fork(self) -> None:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # where it is ignored, helpers end without a trace
        for index in range(1, self.processes):
            report_r, report_w = os.pipe()
            pid = os.fork()
            if pid:
                os.close(report_w)
                self.helpers[pid] = report_r
                self.reports.append(report_r)
                continue
            code = 1
            try:
                for fd in (self.life_w, report_r, *self.reports):
                    os.close(fd)
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                engine = Engine(self, index)
                self.serve(engine)
                if self.words[0]:
                    self.rest(engine)
                    self.send_report(engine, report_w)
                code = 0
            except BaseException:  # noqa: BLE001  a forked process must never return into its parent's code
                sys.excepthook(*sys.exc_info())
            finally:
                os._exit(code)

    @staticmethod
    def rest(engine: Engine, seconds: float = 0.3) -> None:
        """Let threads finish the call they are in; one that hangs in a dead server is left behind."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            with engine.cond:
                engine.cond.notify_all()
                engine.parked.notify_all()
                if not engine.busy:
                    return
            time.sleep(0.002)

    @staticmethod
    def send_report(engine: Engine, fd: int) -> None:
        mine = {"tally": engine.tally.dump(), "succeeded": engine.succeeded, "refused": engine.refused_with}
        data = json.dumps(mine).encode()
        while data:
            data = data[os.write(fd, data) :]
        os.close(fd)

    def collect(self, engine: Engine) -> None:
        """Merge the helpers' tallies into the first one's."""
        until = time.monotonic() + 0.6
        for fd in self.reports:
            data = b""
            while select.select([fd], [], [], max(0.0, until - time.monotonic()))[0]:
                more = os.read(fd, 1 << 20)
                if not more:
                    break
                data += more
            try:
                theirs = json.loads(data.decode())
            except ValueError:
                continue  # killed, or hanging in a call: its counts are in the shared words
            for owner, count in engine.tally.merge(theirs["tally"]).items():
                self.words[ROW + WRONG] -= min(count, self.words[ROW + WRONG])
                self.words[ROW + CHANGED] -= min(count, self.words[ROW + CHANGED])
                (engine.tally.owners.get(owner) or engine.tally.owners["others"])[0] -= count
            engine.succeeded = engine.succeeded or theirs["succeeded"]
            engine.refused_with = engine.refused_with or theirs["refused"]
        while self.helpers and time.monotonic() < until:
            self.watch()
            time.sleep(0.001 if self.helpers else 0)

    def total(self, what: int) -> int:
        return sum(self.words[ROW * (i + 1) + what] for i in range(self.processes))

    def say(self, line: dict[str, Any]) -> None:
        if self.out_broken:
            return
        try:
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()
        except (BrokenPipeError, OSError):
            self.out_broken = True  # nobody reads the log any longer; the work goes on

    def progress(self, hand: str, look: Look | None = None) -> None:
        now = time.monotonic()
        if now - max(self.said, self.started) < 1.0:
            return
        seen = look.seen if look else self.total(SEEN)
        self.say(
            {
                "event": "progress",
                "seen": seen,
                "wrong": look.wrong if look else self.total(WRONG),
                "changed": self.total(CHANGED),
                "failed": look.failed if look else self.total(FAILED),
                "per_second": round((seen - self.said_seen) / (now - max(self.said, self.started))),
                "directory": shown(hand),
                "threads": self.look_threads if look else self.total(WANTED),
            }
        )
        self.said, self.said_seen = now, seen

    def stop(self, *_: object) -> None:
        if not self.words[0]:
            self.words[0] = STOPPED
        if self.waker >= 0:
            try:
                os.write(self.waker, b"w")
            except OSError:
                pass

    def run(self) -> int:
        self.waker = -1
        signal.signal(signal.SIGTERM, self.stop)
        signal.signal(signal.SIGINT, self.stop)
        try:
            self.open_state()
        except OSError as problem:
            self.state = State("", {}, self.words)
            self.state_problem = errno.errorcode.get(problem.errno or 0, str(problem.errno))
            if self.mode == "undo":
                raise Trouble(
                    "The state %s can't be read: %s." % (shown(self.args.state), os.strerror(problem.errno or 0))
                ) from None
        if self.mode != "undo":  # each shard: none may list it at its old place while another moves it
            self.aside = [self.move_aside(path) for path in self.args.move_aside]
        if self.mode == "check" and (self.limit or self.args.seconds):
            return self.look()
        return self.walk()

    def look(self) -> int:
        seed = self.args.seed if self.args.seed is not None else int.from_bytes(os.urandom(4), "little")
        look = Look(self, self.limit, self.args.seconds or 0, seed)
        look.run(lambda: self.progress(look.here, look))
        looked = look.looked()
        nothing = not looked["exhaustive"] and look.seen <= 1
        code = 2 if look.wrong else 1 if look.failed or self.words[0] or nothing else 0
        counts = {"seen": look.seen, "wrong": look.wrong, "changed": 0, "failed": look.failed}
        self.summary(look.tally, counts, looked["exhaustive"] and not look.failed, looked, None)
        return code

    def walk(self) -> int:
        if self.mode != "undo" and not self.rate and not self.specials:
            self.table = Table.where_possible(self.dev)
        self.channels()
        self.fork()
        engine = Engine(self, 0)
        self.waker = engine.wake_w
        top = Node(None, "", os.open(".", DIRECTORY_FLAGS, dir_fd=self.root_fd), self.top.st_ino, ROOT_KEY, None)
        engine.tasks.append((TOP, top, self.top, None))
        self.serve(engine)
        if engine.root_done and not self.words[0]:
            self.words[0] = DONE
        os.close(self.life_w)
        self.waker = -1
        self.rest(engine)
        self.collect(engine)
        engine.shut()
        whole = self.words[0] == DONE
        failed = self.total(FAILED)
        if self.mode == "undo" and whole:
            for state in reversed(self.states):
                for path, fresh in reversed(state.moves):
                    self.aside.append(self.move_back(path, fresh))
        failed_aside = any(row.get("why") == "failed" for row in self.aside)
        self.damaged = [s for s in self.states if self.mode == "undo" and s.damaged_at > s.undone_at]
        if whole and self.state:
            good = not failed and not failed_aside and not self.damaged
            for state in self.states:
                state.write(("z" if good else "k") if self.mode == "undo" else ("e" if good else "d"))
                state.checkpoint_end()
            if self.mode == "run" and self.shards > 1 and good:
                self.finish_top(engine)
            elif (
                good and self.state.fresh and not self.total(WRONG) and not any(row.get("moved") for row in self.aside)
            ):
                self.state.drop()  # it tells nothing
        elif self.state:
            self.state.checkpoint()
        if self.words[UNKEPT]:
            self.state_problem = errno.errorcode.get(self.words[UNKEPT], str(self.words[UNKEPT]))
        counts = {
            name: self.total(w)
            for name, w in (("seen", SEEN), ("wrong", WRONG), ("changed", CHANGED), ("failed", FAILED))
        }
        complete = whole and not (
            counts["failed"] or failed_aside or self.damaged or (self.state_problem and counts["wrong"])
        )
        looked = {
            "entries": counts["seen"],
            "exhaustive": whole and not counts["failed"],
            "confidence": 1.0 if whole else None,
        }
        self.summary(engine.tally, counts, complete, looked, engine)
        if self.mode == "check" and counts["wrong"]:
            return 2
        if self.words[0] == LOST and self.killed:
            return KILLED
        return 0 if complete else TERMINATED if self.words[0] == STOPPED else 1

    def finish_top(self, engine: Engine) -> None:
        """The shard that finishes last does ROOT: when every other state ends with its finish."""
        name = self.args.state
        others = ["%s.%d-of-%d" % (name, i, self.shards) for i in range(self.shards) if i != self.shard]
        status = os.fstat(self.root_fd)
        if (status.st_uid, status.st_gid) == (self.uid, self.gid):
            return
        if not all(self.state.said_last(newest(path)) == "e" for path in others):
            return
        self.state.write("o %x %d:%d %s" % (ROOT_KEY, status.st_uid, status.st_gid, packed([status.st_ino])))
        try:
            os.fchown(self.root_fd, self.uid, self.gid)
            self.words[ROW + CHANGED] += 1
        except OSError as problem:
            engine.fail(problem, Node(None, "", -1, 0, 0, None), "")
        self.state.write("e")
        self.state.checkpoint_end()

    def message(self, engine: Engine | None, counts: dict[str, Any], complete: bool) -> str | None:
        """The one sentence a person should read, where there is one."""
        if engine is not None and engine.refused_with and not engine.succeeded:
            return refusal(engine.refused_with, self.path, self.uid, self.gid)
        if self.state_problem in ("ENOSPC", "EDQUOT"):
            return (
                "The disk of the state %s is full (%s): owners were changed without a record from there on, so this "
                "can't be resumed or undone in full; free some space and run again."
                % (shown(self.args.state), self.state_problem)
            )
        if self.state_problem:
            return "The state %s could not be kept (%s): this run can't be resumed or undone." % (
                shown(self.args.state),
                self.state_problem,
            )
        if self.damaged:
            return "The record %s is damaged: what it named in the lines that are lost keeps its owner. %s" % (
                shown(self.damaged[0].path),
                BRING_BACK,
            )
        if engine is not None and self.mode == "check" and "EACCES" in engine.tally.failures and os.geteuid() != 0:
            return (
                "Some directories can't be read by uid %d: look as root with DAC_READ_SEARCH to see them."
                % os.geteuid()
            )
        if counts["failed"] and not complete:
            return "%d entries could not be worked on; see failures, mend the cause and run again." % counts["failed"]
        return None

    def summary(
        self, tally: Tally, counts: dict[str, Any], complete: bool, looked: dict[str, Any], engine: Engine | None
    ) -> None:
        """The last line: all counts are entries; paths are below ROOT; samples are at most SAMPLES each. `earlier`: how
        many the sessions that were cut off before had written down, each just before it was changed: the last of them
        may not have come to that and then count as changed too. `resumed`: directories that they had done."""
        root = os.fstat(self.root_fd)
        taken = time.monotonic() - self.started
        line = {"event": "summary", "mode": self.mode, "root": shown(self.path), "uid": self.uid, "gid": self.gid}
        line.update(counts)
        line.update(
            {
                "vanished": tally.vanished,
                "complete": complete,
                "reason": REASONS.get(self.words[0]),
                "message": self.message(engine, counts, complete),
                "root_right": (root.st_uid, root.st_gid) == (self.uid, self.gid),
                "root_owner": "%d:%d" % (root.st_uid, root.st_gid),
                "wrong_by_owner": Tally.public(tally.owners),
                "failures": Tally.public(tally.failures),
                "skipped": Tally.public(tally.skipped),
                "mode_bits": Tally.public(tally.bits),
                "looked": looked,
                "moved_aside": self.aside,
                "resumed": tally.resumed,
                "earlier": self.state.earlier if self.mode == "run" and self.state else 0,
                "state": {"path": shown(self.state.path or self.args.state), "error": self.state_problem or None}
                if self.args.state
                else None,
                "records": [seal for seal in [self.state.seal()] if seal] if self.mode == "run" and self.state else [],
                "left_out": self.left_out,
                "shard": "%d/%d" % (self.shard, self.shards) if self.shards > 1 else None,
                "processes": self.processes,
                "seconds": round(taken, 3),
                "per_second": round(counts["seen"] / taken) if taken else 0,
            }
        )
        self.say(line)


class Pace:
    """Fits the number of threads of one process to what the volume answers.

    First guess: wall time over CPU time of the first tasks (a call that waits a millisecond and costs ten microseconds
    feeds a hundred threads). Then by the CPU share of the process: hardly used and work is waiting: double, as long
    as the last doubling brought more; used up: fewer, since threads only quarrel about the interpreter then.
    """

    def __init__(self, job: Job, engine: Engine) -> None:
        self.job = job
        self.engine = engine
        self.guessed = False
        self.began = self.at = self.saved = time.monotonic()
        self.cpu = time.process_time()
        self.seen = self.waits = 0
        self.rate = 0.0  # entries a second before the last doubling
        self.doubled = False
        self.hold_until = 0.0

    def wait(self) -> float:
        return 0.005 if not self.guessed and time.monotonic() - self.began < 1 else 0.05

    def checkpoint_due(self) -> bool:
        due = time.monotonic() - self.saved > 2.0
        if due:
            self.saved = time.monotonic()
        return due

    def adapt(self) -> None:
        job, engine = self.job, self.engine
        row = engine.row
        if job.threads_fixed:
            return
        if job.rate:
            job.words[row + WANTED] = 8
            return
        now = time.monotonic()
        if not self.guessed:
            self.guess()
        if now - self.at < (0.5 if self.guessed else 0.1):
            return
        share = (time.process_time() - self.cpu) / (now - self.at)
        seen = job.words[row + SEEN]
        waits = resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw
        waiting = waits - self.waits > max(5, (seen - self.seen) // 4)
        rate = (seen - self.seen) / (now - self.at)
        self.at, self.cpu, self.seen, self.waits = now, time.process_time(), seen, waits
        wanted = job.words[row + WANTED]
        doubled, self.doubled = self.doubled, False
        if doubled and rate < 1.1 * self.rate:
            self.want(wanted // 2)  # more hands, not more done
            self.hold_until = now + 5.0
        elif share > BUSY and wanted > 1:
            self.want(wanted * 3 // 4)
        elif share < IDLE and waiting and engine.tasks and engine.busy >= wanted and now > self.hold_until:
            self.rate = rate
            self.want(wanted * 2)
            self.doubled = True

    def guess(self) -> None:
        job, engine = self.job, self.engine
        known = max(job.words[ROW * (i + 1) + WANTED] for i in range(job.processes))
        if known > job.words[engine.row + WANTED]:
            self.guessed = True  # another process knows already
            self.want(known)
        elif engine.wall > 0.002:
            ratio = engine.wall / max(engine.cpu, 1e-6)
            # Without waits of its own a thread was only kept from the CPU by other programs.
            if ratio > WORTH and engine.waits > 2:
                self.want(int(4 * ratio))  # calls in a cold cache compute several times longer than later ones
            self.guessed = (ratio > WORTH and engine.waits > 2) or engine.wall > 0.1

    def want(self, threads: int) -> None:
        self.job.words[self.engine.row + WANTED] = max(1, min(threads, self.job.threads_max))
        with self.engine.cond:
            self.engine.parked.notify_all()


def hexed(text: str) -> str:
    return os.fsencode(text).hex()


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        raise Trouble("Wrong arguments: %s." % message)


def identity(text: str) -> int:
    value = int(text)
    if not 0 <= value < 2**32 - 1:
        raise ValueError
    return value


def shard_of(text: str) -> tuple[int, int]:
    index, _, count = text.partition("/")
    if not 0 <= int(index) < int(count):
        raise ValueError
    return int(index), int(count)


def record_of(text: str) -> tuple[str, int, str]:
    name, size, digest = text.rsplit(":", 2)
    if not name or int(size) < 0 or len(digest) != 64:
        raise ValueError
    return name, int(size), digest


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = Parser(
        prog="ownership",
        description="Give every entry below ROOT to one owner, or look whether it has it.",
        formatter_class=lambda prog: argparse.HelpFormatter(prog, width=110),  # asking for the width loads compressors
    )
    parser.add_argument("root", metavar="ROOT")
    parser.add_argument("--uid", type=identity, required=True)
    parser.add_argument("--gid", type=identity, required=True)
    parser.add_argument("--check", action="store_true", help="only look; exit 2 where something is wrong")
    parser.add_argument("--undo", action="store_true", help="give back the owners that --state recorded")
    parser.add_argument("--jobs", type=int, help="threads in all, instead of finding out")
    parser.add_argument("--state", metavar="FILE", help="record for resuming and undoing")
    parser.add_argument(
        "--record", type=record_of, metavar="NAME:BYTES:SHA256", action="append", default=[],
        help="with --undo: a record that must be there and begin with these bytes, from the run's summary",
    )  # fmt: skip
    parser.add_argument(
        "--exclude", metavar="GLOB", action="append", default=[], help="name, or path below ROOT with a /"
    )
    parser.add_argument("--rate", type=float, metavar="OPS", help="at most so many metadata calls a second")
    parser.add_argument("--limit", type=int, metavar="N", help="look at N entries (a changing run: and those in hand)")
    parser.add_argument("--seconds", type=float, metavar="S", help="work no longer than S seconds")
    parser.add_argument("--shard", type=shard_of, default=(0, 1), metavar="I/N", help="do part I (from 0) of N")
    parser.add_argument(
        "--move-aside", metavar="PATH", action="append", default=[], help="rename PATH below ROOT first"
    )
    parser.add_argument("--seed", type=int, help="of the random part of a limited look")
    args = parser.parse_args(argv)
    if args.check and args.undo:
        parser.error("--check and --undo exclude each other")
    if args.record and not args.undo:
        parser.error("--record goes with --undo")
    for name in ("jobs", "rate", "limit", "seconds"):
        if getattr(args, name) is not None and not getattr(args, name) > 0:  # nan is neither
            parser.error("--%s must be above 0" % name)
    return args


def main(argv: list[str] | None = None) -> int:
    """Exit code of one run, see the docstring of this file."""
    code = 1
    job = None
    handlers = [(number, signal.getsignal(number)) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)]
    try:
        job = Job(arguments(sys.argv[1:] if argv is None else argv))
        code = job.run()
    except Trouble as trouble:
        try:
            print(json.dumps({"event": "error", "message": str(trouble)}), flush=True)
        except OSError:
            pass
    finally:
        for number, handler in handlers:
            signal.signal(number, handler)
        if job is not None:
            job.close()
    return code


if __name__ == "__main__":
    status = main()
    os._exit(status)  # without waiting for threads that hang in a server's call
