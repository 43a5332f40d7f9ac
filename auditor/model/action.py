"""Changes as data. One class per kind of change; `apply/actions/` holds one file for each. An action is complete: who
applies it looks nothing up but the object's present state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from auditor.model.held import HeldField
from auditor.model.kubernetes import ObjectRef
from auditor.model.migration import Note
from auditor.model.ownership import Owner
from auditor.model.rendering import Rendering


class LabelServiceAccount(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="label-service-account"):
    """Adds one label by a merge patch; nothing else in the account is touched."""

    account: ObjectRef
    key: str
    value: str = "true"
    uid: str
    resource_version: str
    servers: tuple[ObjectRef, ...] = ()
    """The accounts of the servers whose configuration says that content runs as `account`."""
    vouched: bool = False
    """The user says (--unsafe) that content runs in another namespace than its server, so that nothing is asked."""


Knowledge = Literal["found", "none", "not known"]
"""Whether an image has Python 3.8 or later: a look saw it, a look saw that there is none, or no look was made."""


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """An image that the ownership Job can run in, and why it is among them. Without Python the shell program runs."""

    image: str
    image_pull_policy: str = "IfNotPresent"
    image_pull_secrets: tuple[str, ...] = ()
    python: str = ""
    """The interpreter that a look saw; "" if it is searched when the Job starts."""
    has_python: Knowledge = "not known"
    limits: tuple[str, ...] = ()
    """What the shell program can't promise with this image's tools, by its own codes, as far as a look saw it."""
    why: str = ""


class Placement(msgspec.Struct, frozen=True, kw_only=True):
    """How to start a pod of ours so that it runs where, and with the image that, the release's own pod does."""

    image: str
    image_pull_policy: str = "IfNotPresent"
    image_pull_secrets: tuple[str, ...] = ()
    node: str = ""
    """Pin to this node (a ReadWriteOnce claim in use); "" leaves it to the scheduler."""
    node_selector: Mapping[str, str] = {}
    tolerations: tuple[Mapping[str, Any], ...] = ()
    affinity: Mapping[str, Any] | None = None
    priority_class: str = ""
    python: str = ""
    has_python: Knowledge = "not known"
    limits: tuple[str, ...] = ()
    why: str = ""
    others: tuple[Candidate, ...] = ()
    """The images to try next, in this order, if this one fails before anything is stopped."""

    @property
    def posix(self) -> bool:
        """Whether the shell program does the work."""
        return self.has_python == "none"

    def taking(self, one: Candidate, others: tuple[Candidate, ...] = ()) -> Placement:
        """The same place, with another image."""
        return msgspec.structs.replace(self, **msgspec.structs.asdict(one), others=others)


class ChangeOwnership(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="change-ownership"):
    """A Job that gives every wrong entry on a claim's volume to `owner`."""

    claim: ObjectRef
    claim_uid: str
    release: str
    owner: Owner
    wrong: int
    """How many wrong entries the probe counted; a lower bound where the look was not exhaustive."""
    path: str = ""
    """Sub-path of the volume; "" is its root."""
    move_aside: tuple[str, ...] = ()
    """Paths below the root that are renamed, not deleted: root's license activations."""
    placement: Placement
    shards: int = 1
    """In how many parts, each with a pod of its own, the volume is worked on."""
    pod_security: str = ""
    """The level that the claim's namespace enforces, as far as it is known."""
    after_stop: bool = False
    """A step before it stops the server: a pod that has the claim while the plan is made is gone by then."""
    records: tuple[str, ...] = ()
    """For undo: NAME:BYTES:SHA256 of each record on the volume, as the worker told them when it was done."""
    jobs: tuple[str, ...] = ()
    """For undo: the uids of the Jobs that the journals say were made, which alone are asked for more records."""


class ScaleWorkload(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="scale-workload"):
    """Stops a Deployment (`replicas` 0) or starts it again. While it is stopped its annotations `marks` say what it
    was, so that whoever comes next can start it."""

    workload: ObjectRef
    uid: str
    before: int
    replicas: int
    marks: Mapping[str, str] = {}
    wait: bool = True
    """Whether to wait for it to become ready; not where it wasn't before."""


class ValueEdit(msgspec.Struct, frozen=True, kw_only=True):
    """One edit of user-supplied values. `path` and `to` are key paths. `value` is shown in plans, so it is never
    taken from a Secret or from the user's values. `key_of`: the value is the name of the one key of this Secret that
    can be the license. It is looked up when the edit is made, and `value` is how it is printed: the name of a license
    file can hold the license key."""

    op: Literal["set", "delete", "rename"]
    path: tuple[str, ...]
    to: tuple[str, ...] = ()
    value: Any = None
    key_of: ObjectRef | None = None
    reason: str = ""


class PatchValues(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="patch-values"):
    """`helm upgrade` of the release at its own chart version with edited user-supplied values."""

    namespace: str
    release: str
    chart: str
    chart_version: str
    revision: int
    values_digest: str
    edits: tuple[ValueEdit, ...]
    handed_back: tuple[HeldField, ...] = ()
    """Conflicts that a step before it settles."""
    overruled: tuple[HeldField, ...] = ()
    """Conflicts that Helm is to overrule, if they are exactly those that the API server names then."""
    rendering: Rendering | None = None
    """What it applies; None where that could not be rendered when the plan was made."""


class UpgradeRelease(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="upgrade-release"):
    """`helm upgrade` of the release to another chart version, with its user-supplied values migrated. Digest, edits,
    `made_by` and `catalog` settle the values that come out, so that none of them need stand here."""

    namespace: str
    release: str
    chart: str
    from_version: str
    to_version: str
    revision: int
    values_digest: str
    edits: tuple[ValueEdit, ...] = ()
    """Made before the migration: what other fixes want of the values."""
    settings: tuple[ValueEdit, ...] = ()
    """Made after it."""
    notes: tuple[Note, ...] = ()
    """Where the migration takes which key."""
    changes: tuple[str, ...] = ()
    """What runs in another way afterwards, the most important first; names and defaults of the chart, no values."""
    wait: bool = True
    """Whether to wait for the server to become ready; not where it wasn't before."""
    made_by: str
    """The version of posit-audit whose migration it is."""
    catalog: str = ""
    """A digest of the rows that --catalog added to it."""
    handed_back: tuple[HeldField, ...] = ()
    """As in PatchValues."""
    overruled: tuple[HeldField, ...] = ()
    """As in PatchValues."""
    rendering: Rendering | None = None
    """As in PatchValues."""


class HandBackFields(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="hand-back-fields"):
    """Removes fields of one object from the managedFields entries of those who hold them, so that the next upgrade can
    set them. No value changes."""

    object: ObjectRef
    uid: str
    fields: tuple[HeldField, ...]


Action = LabelServiceAccount | ChangeOwnership | ScaleWorkload | PatchValues | UpgradeRelease | HandBackFields
