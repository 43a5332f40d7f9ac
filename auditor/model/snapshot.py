"""What inventory saw, frozen. One `ReleaseState` per release; each facet of it is its noun or `Unseen`.

A rule names the facets that it reads; a facet's name here is the name there, and inventory declares for each the
access that it needs.
Longer than 250 lines: one vocabulary, read as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from auditor.model.catalog import StorageRow
from auditor.model.held import HeldField
from auditor.model.helm import HelmRecord
from auditor.model.kubernetes import ObjectRef
from auditor.model.ownership import ContentData, OwnershipProbe
from auditor.model.product import Product
from auditor.model.seen import Unseen, Withheld
from auditor.model.target import Target


class Facet(StrEnum):
    """A part of a release's state that is fetched, and can be refused, by itself. Values are fields of ReleaseState."""

    HELM = "helm"
    CHART_VERSION = "chart_version"
    CONFIG = "config"
    POD_SECURITY = "pod_security"
    WORKLOAD = "workload"
    PODS = "pods"
    CLAIMS = "claims"
    VOLUMES = "volumes"
    STORAGE_CLASSES = "storage_classes"
    CSI_DRIVERS = "csi_drivers"
    OWNERSHIP = "ownership"
    LICENSE_SECRETS = "license_secrets"
    CONTENT = "content"
    CONTENT_DATA = "content_data"
    SERVICE_ACCOUNTS = "service_accounts"
    ROLE_BINDINGS = "role_bindings"
    HOOK_JOBS = "hook_jobs"
    EVENTS = "events"
    HELD_FIELDS = "held_fields"


class ReleaseRef(msgspec.Struct, frozen=True, order=True):
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """ConfigMap `<fullname>-config` as rendered: the gcfg by section and key (a repeated key gives a longer list;
    section and key spelled as rendered) and, for the direct runner, the bases of Jobs and Services."""

    ref: ObjectRef
    gcfg: Withheld[Mapping[str, Mapping[str, tuple[str, ...]]]]
    job_base: Withheld[Mapping[str, Any]] | None = None
    service_base: Withheld[Mapping[str, Any]] | None = None


class Workload(msgspec.Struct, frozen=True, kw_only=True):
    """The Deployment. `pod_spec` is its template's spec as the API gave it."""

    ref: ObjectRef
    uid: str
    selector: Mapping[str, str]
    replicas: int
    ready_replicas: int
    pod_spec: Withheld[Mapping[str, Any]]
    image: str
    """Of the server's container."""
    service_account: str
    """"default" where the spec names none."""
    strategy: Mapping[str, Any] = {}
    """How it replaces its pods: `spec.strategy` as the API gave it."""
    marks: Mapping[str, str] = {}
    """Annotations of ours: what was remembered while it is at zero replicas."""
    deployed_by: str = ""
    """The tool that deploys it from a repository: "Argo CD" or "Flux"."""
    unfinished: str = ""
    """Why its rollout is not at its end: "1 old replicas still to go"; "" where it is."""
    halted: Mapping[str, str] = {}
    """By reason, what is printed of each condition in which Kubernetes itself says that the rollout can't go on."""


class Pod(msgspec.Struct, frozen=True, kw_only=True):
    ref: ObjectRef
    uid: str
    phase: str
    ready: bool
    deleting: bool
    node: str
    service_account: str
    containers: tuple[str, ...]
    claims: tuple[str, ...]
    """Names of the claims that it mounts."""
    waiting_reason: str = ""
    """Of the first container that waits: ImagePullBackOff, CrashLoopBackOff, ..."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A warning of Kubernetes' own about a pod or a claim, the newest of its reason."""

    object: ObjectRef
    reason: str
    """FailedMount, FailedAttachVolume, VolumePermissionChangeInProgress, ProvisioningFailed, ..."""
    message: Withheld[str]
    count: int = 1


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A claim that the server's pod mounts as its data, or should: `exists` is False for one that isn't there."""

    ref: ObjectRef
    mount_path: str
    exists: bool
    uid: str = ""
    resource_version: str = ""
    phase: str = ""
    """Bound, Pending or Lost."""
    access_modes: tuple[str, ...] = ()
    storage_class: str = ""
    volume_name: str = ""
    sub_path: str = ""


class Volume(msgspec.Struct, frozen=True, kw_only=True):
    """The PersistentVolume behind a claim. `spec` as the API gave it (it names servers and shares, never secrets'
    contents)."""

    name: str
    claim: str
    spec: Mapping[str, Any]
    annotations: Mapping[str, str]
    row: StorageRow | None = None
    """What the catalog knows of its storage; None for an unknown driver."""


class SecretKey(msgspec.Struct, frozen=True, kw_only=True):
    """The shape of one value in a Secret; the value itself never leaves inventory."""

    name: str
    empty: bool
    surrounding_whitespace: bool


class LicenseSecret(msgspec.Struct, frozen=True, kw_only=True):
    """A Secret that the release takes its license from. `key` is the one it asks for; `keys` are all that are there."""

    ref: ObjectRef
    source: str
    """"key" or "file": which kind of license it feeds."""
    key: str
    exists: bool
    keys: tuple[SecretKey, ...] = ()


class ServiceAccount(msgspec.Struct, frozen=True, kw_only=True):
    ref: ObjectRef
    uid: str
    resource_version: str
    labels: Mapping[str, str]
    last_manager: str = ""
    """Which field manager wrote it last, how and when: "templates (Apply, 2026-11-30T12:00:00Z)"; "" if not known."""


class AccountUse(msgspec.Struct, frozen=True, order=True, kw_only=True):
    """One piece of evidence that content gets a service account: "values backends.kubernetes...serviceAccountName",
    "ConfigMap x job.yaml", "Job y" ..."""

    account: str
    evidence: str
    ended: bool = False
    """Only Jobs and pods that came to their end are the evidence: the account may have gone since."""


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """Where and as whom Connect's content runs."""

    mode: str
    """"direct", "launcher" or "local", from the gcfg."""
    namespace: str
    uses: tuple[AccountUse, ...] = ()
    jobs: int = 0
    """How many content Jobs and pods were found."""


class RoleBinding(msgspec.Struct, frozen=True, kw_only=True):
    ref: ObjectRef
    role: str
    accounts: tuple[tuple[str, str], ...]
    """(namespace, name) of each service account that is a subject."""


class HookJob(msgspec.Struct, frozen=True, kw_only=True):
    """A Job of a chart's hook that Helm left behind: it is deleted where it succeeded."""

    ref: ObjectRef
    active: int
    failed: int
    succeeded: int
    ended: str = ""
    """"Complete" or "Failed"; "" while it may still come to either."""
    waiting_reason: str = ""


class ReleaseState(msgspec.Struct, frozen=True, kw_only=True):
    """One release and everything that was seen of it. A facet is None where the thing isn't there, `Unseen` where
    nobody can tell."""

    ref: ReleaseRef
    product: Product
    fullname: str
    helm: HelmRecord | Unseen | None
    """None: not installed by Helm (Argo CD, `helm template`)."""
    chart_version: str | Unseen
    product_version: str | Unseen
    """From the image's tag: "2026.08.0"."""
    config: Config | Unseen | None
    workload: Workload | Unseen | None
    pods: tuple[Pod, ...] | Unseen
    claims: tuple[Claim, ...] | Unseen
    volumes: tuple[Volume, ...] | Unseen
    storage_classes: Mapping[str, Mapping[str, Any]] | Unseen
    """By name: each StorageClass that the claims name."""
    csi_drivers: Mapping[str, Mapping[str, Any]] | Unseen
    """By name: the spec of each CSIDriver behind the volumes."""
    ownership: tuple[OwnershipProbe, ...] | Unseen
    """One per data claim that could be looked into."""
    license_secrets: tuple[LicenseSecret, ...] | Unseen
    content: Content | Unseen | None
    """None for Package Manager."""
    content_data: ContentData | Unseen | None = None
    """None where content does not run in pods of its own."""
    service_accounts: tuple[ServiceAccount, ...] | Unseen
    """Of the content's namespace and of the release's."""
    role_bindings: tuple[RoleBinding, ...] | Unseen
    hook_jobs: tuple[HookJob, ...] | Unseen
    pod_security: str | Unseen = ""
    """The level that the release's namespace enforces: "restricted", ...; "" where it names none."""
    events: tuple[Event, ...] | Unseen = ()
    """Warnings about pods that aren't ready and claims that aren't bound."""
    held_fields: tuple[HeldField, ...] | Unseen = ()
    """Fields of the chart's objects that another manager holds with another value; none if Helm does not apply the
    release on the server's side."""
    seen_at: datetime | None = None
    """When it was looked at."""
    target: Target | Unseen | None = None
    """What an upgrade would make of it; None where none was asked for."""

    @property
    def object(self) -> ObjectRef:
        """The release itself, for what is said of no single object in it."""
        return ObjectRef("Release", self.ref.namespace, self.ref.name)


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """`blind` tells what could not be looked at in the search for releases itself (a namespace, the cluster's list,
    a release Secret that doesn't decode): no release hides behind silence."""

    context: str
    server: str
    namespaces: tuple[str, ...]
    """Which were searched; empty: all."""
    releases: tuple[ReleaseState, ...]
    blind: tuple[Unseen, ...] = ()
