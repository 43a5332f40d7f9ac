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


class WrongOwner(msgspec.Struct, frozen=True, kw_only=True):
    """Entries that belong to one owner and should not. `samples` are paths below the volume's root."""

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
