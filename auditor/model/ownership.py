"""Who owns what on a volume, as a probe found it."""

from __future__ import annotations

import msgspec

from auditor.model.kubernetes import ObjectRef
from auditor.model.seen import Unseen


class Owner(msgspec.Struct, frozen=True, order=True):
    uid: int
    gid: int

    def __str__(self) -> str:
        return f"{self.uid}:{self.gid}"


PACKAGE_MANAGER_USER = Owner(999, 999)
"""Package Manager's own user in all its images (posit-dev/images-package-manager, test/goss.yaml)."""


def entries(count: int) -> str:
    """As a person says it: "1 entry", "2,000 entries"."""
    return f"{count:,} {'entry' if count == 1 else 'entries'}"


class WrongOwner(msgspec.Struct, frozen=True, kw_only=True):
    """Entries that belong to one owner and should not. `samples` are paths below the directory that was looked into."""

    owner: Owner
    count: int
    samples: tuple[str, ...]


class OwnershipProbe(msgspec.Struct, frozen=True, kw_only=True):
    """What a look into one claim found. `problem` is set, and the counts mean nothing, where the look failed."""

    claim: ObjectRef
    pod: str
    path: str
    expected: Owner
    expected_because: str
    """Where the expected owner was read: "container rspm securityContext.runAsUser" ..."""
    for_version: str = ""
    """The chart version whose user is the expected one, where an upgrade was asked for; "" for the present one's."""
    seen: int = 0
    wrong: tuple[WrongOwner, ...] = ()
    exhaustive: bool = False
    root_activations: tuple[str, ...] = ()
    """License activations that root left behind, as paths below the volume's root."""
    method: str = ""
    """"python" or "posix": with what it was looked."""
    python: str = ""
    """The interpreter that the container has."""
    limits: tuple[str, ...] = ()
    """Without one: what its tools don't allow the shell program, by its own codes."""
    detectable_share: float | None = None
    """Where not exhaustive: the smallest share of wrong entries, strewn evenly, that this look meets with 95 %."""
    detectable_directories: float | None = None
    """The same where whole directories are wrong."""
    estimated: int | None = None
    """Where not exhaustive: how many entries there may be in all."""
    problem: Unseen | None = None

    @property
    def wrong_count(self) -> int:
        return sum(w.count for w in self.wrong)


class ContentDirectory(msgspec.Struct, frozen=True, kw_only=True):
    """A directory of Connect's data that content mounts, and whether the user that the content runs as gets at it, by
    owners and mode bits. `problem` is set, and the counts mean nothing, where that could not be told."""

    claim: ObjectRef
    """The server's, whatever the claim behind the same data is called in the content's namespace."""
    path: str
    """Where the server has it; "" where it doesn't see it."""
    sub_path: str
    """On the volume."""
    used_by: str
    """"Job dashboards/report-17 and 3 more"."""
    user: Owner | None = None
    groups: tuple[int, ...] = ()
    """Beside the user's own."""
    writes: bool = False
    """Whether some content mounts it for writing."""
    seen: int = 0
    exhaustive: bool = False
    unreadable: tuple[WrongOwner, ...] = ()
    """What the user can't read (a directory: read and enter), by owner."""
    has_acl: int = 0
    """Entries whose mode bits refuse the user while an access control list may let it in."""
    top_owner: Owner | None = None
    top_writable: bool = True
    method: str = ""
    """"python" or "posix": what the server's image has for a Job."""
    python: str = ""
    limits: tuple[str, ...] = ()
    problem: Unseen | None = None

    @property
    def unreadable_count(self) -> int:
        return sum(row.count for row in self.unreadable)


class ContentData(msgspec.Struct, frozen=True, kw_only=True):
    """What content mounts of Connect's data. Empty where no content is there to tell."""

    directories: tuple[ContentDirectory, ...] = ()
    """The newest content's first."""
    left_out: int = 0
    """How many more there were than are looked at."""
