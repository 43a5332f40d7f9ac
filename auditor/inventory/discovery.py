"""Which releases there are. Two small lists of the cluster, then single gets of what may be ours: the cost follows the
number of Posit's releases, not the cluster's size."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from auditor.errors import Forbidden
from auditor.inventory import releases
from auditor.inventory.asking import Asker, Json
from auditor.inventory.found import Found, StoredRelease
from auditor.inventory.images import product_of_image
from auditor.model.helm import HelmStatus
from auditor.model.kubernetes import CONFIG_MAPS, DEPLOYMENTS, NAMESPACES, SECRETS, Access
from auditor.model.product import Product
from auditor.model.scope import Scope
from auditor.model.seen import NotSeenError, Unseen
from auditor.model.snapshot import ReleaseRef
from auditor.questions.gitops import ARGO_CD, deployed_by
from auditor.questions.values import effective_values

DISCOVERY_ACCESS: Final = (
    Access(DEPLOYMENTS, ("list",)),
    Access(SECRETS, ("get", "list")),
    Access(CONFIG_MAPS, ("get",)),
    Access(NAMESPACES, ("get",)),
)
_PRODUCTS: Final = {product.value: product for product in Product}
_RELEASE_NAME: Final = "meta.helm.sh/release-name"
_UNSEEN: Final[Mapping[str, str]] = {_RELEASE_NAME: ""}
"""Marks of a ConfigMap that nobody can see: whether Helm installed it is open."""


class Discovery:
    """One search. `blind` grows with whatever could not be looked at."""

    def __init__(self, ask: Asker, scope: Scope) -> None:
        self.ask = ask
        self.scope = scope
        self.blind: list[Unseen] = []
        self.namespaces: tuple[str, ...] = ()
        """Where was searched; empty: everywhere."""

    def run(self) -> tuple[Found, ...]:
        rows = self._deployments()
        stored, refused = self._stored_releases({row["namespace"] for row in rows if _guess(row)})
        found = [
            found for row in rows for product in _guess(row) if (found := self._confirm(row, product, stored, refused))
        ]
        claimed = {one.ref for one in found}
        found += self._without_deployment(one for ref, one in sorted(stored.items()) if ref not in claimed)
        self._missing_namespaces({row["namespace"] for row in rows} | {ref.namespace for ref in stored})
        return tuple(sorted(found, key=lambda one: (one.ref, one.product, one.fullname)))

    def _deployments(self) -> Sequence[Json]:
        everywhere = self.scope.all_namespaces or not self.scope.namespaces
        if everywhere:
            try:
                return self.ask.table(DEPLOYMENTS, None)
            except NotSeenError as error:
                if self.scope.all_namespaces and error.__cause__:
                    raise error.__cause__ from None  # all of them were insisted on
                consequence = f"Other namespaces than {self.scope.current} were not searched"
                self._see_not(error, consequence, "name others with -n")
        self.namespaces = (self.scope.current,) if everywhere else tuple(dict.fromkeys(self.scope.namespaces))
        return [row for namespace in self.namespaces for row in self._deployments_in(namespace)]

    def _deployments_in(self, namespace: str) -> Sequence[Json]:
        return (
            self._try(lambda: self.ask.table(DEPLOYMENTS, namespace), f"Namespace {namespace} was not searched") or ()
        )

    def _stored_releases(self, of_interest: set[str]) -> tuple[dict[ReleaseRef, StoredRelease], dict[str, Unseen]]:
        """The newest revision of each release, and why there are none for a namespace."""
        consequence = "A release that failed before it had a Deployment would not be found"
        stored: dict[ReleaseRef, StoredRelease] = {}
        if not self.namespaces:
            secrets = self._try(lambda: self.ask.list(SECRETS, None, bare=True, **releases.STORED_BY_HELM), consequence)
            if secrets is not None:
                return releases.newest(secrets), {}
        refused: dict[str, Unseen] = {}
        for namespace in self.namespaces or sorted(of_interest):
            try:
                secrets = self.ask.list(SECRETS, namespace, bare=True, **releases.STORED_BY_HELM)
                stored |= releases.newest(secrets)
            except NotSeenError as error:
                refused[namespace] = error.unseen
                if self.namespaces:
                    self._see_not(error, consequence)
        return stored, refused

    def _confirm(
        self,
        row: Json,
        product: Product,
        stored: Mapping[ReleaseRef, StoredRelease],
        refused: Mapping[str, Unseen],
    ) -> Found | None:
        labels = _equalities(row.get("selector", ""))
        marks = self._marks(row, product, charted=labels.get("app.kubernetes.io/name") == product.value)
        if marks is None:
            return None
        by_helm = marks.get(_RELEASE_NAME, "")
        ref = ReleaseRef(row["namespace"], by_helm or labels.get("app.kubernetes.io/instance") or row["name"])
        return Found(
            ref=ref,
            product=product,
            fullname=row["name"],
            selector=row.get("selector", ""),
            image=_server_image(row, product),
            stored=_record(ref, marks, stored.get(ref) or refused.get(ref.namespace)),
        )

    def _marks(self, row: Json, product: Product, *, charted: bool) -> Mapping[str, str] | None:
        """Labels and annotations of the chart's ConfigMap, which tells a release of ours from a container that only
        has its name; None for the latter."""
        namespace, fullname = row["namespace"], row["name"]
        try:
            config = self.ask.get(CONFIG_MAPS, namespace, f"{fullname}-config")
        except NotSeenError as error:
            if charted or product_of_image(_server_image(row, product)) is product:
                return _UNSEEN
            self._see_not(error, f"Whether Deployment {namespace}/{fullname} is {product.full_name} is not known")
            return None
        if config is None:
            # No new pod can start without it: a release nonetheless, where the chart's own labels say so.
            return _UNSEEN if charted else None
        if product.gcfg_key not in (config.get("data") or {}):
            return None
        metadata = config["metadata"]
        return {**(metadata.get("labels") or {}), **(metadata.get("annotations") or {})}

    def _without_deployment(self, unclaimed: Iterator[StoredRelease]) -> Iterator[Found]:
        """Releases that Helm did not bring to an end; whose chart isn't ours is forgotten at once. Those that were
        deployed once and have no Deployment of ours are not touched (nearly all are other people's), nor is an
        uninstalled one with kept history."""
        for one in unclaimed:
            if one.status not in releases.STUCK or (one.deployed_once and one.status != HelmStatus.UNINSTALLING):
                continue
            try:
                record = releases.read_release(self.ask, one.ref.namespace, one.secret)
            except NotSeenError as error:
                self._see_not(error, f"Whether the {one.status} release {one.ref} is one of Posit's is not known")
                continue
            product = _PRODUCTS.get(record.chart_name)
            if product:
                values = effective_values(record)
                yield Found(
                    ref=one.ref,
                    product=product,
                    fullname=releases.fullname(product, one.ref.name, values),
                    selector="",
                    image="",
                    stored=one,
                    record=record,
                )

    def _missing_namespaces(self, known: set[str]) -> None:
        """An empty namespace and a misspelled one look the same to a list."""
        for namespace in (name for name in self.namespaces if name not in known):
            try:
                if self.ask.get(NAMESPACES, "", namespace) is None:
                    self.blind.append(
                        Unseen(
                            reason=f"There is no namespace {namespace}.",
                            how="See which there are with: kubectl get namespaces",
                        )
                    )
            except NotSeenError:
                continue  # only a courtesy: the lists themselves were allowed

    def _try(self, ask: Callable[[], Sequence[Json]], consequence: str) -> Sequence[Json] | None:
        try:
            return ask()
        except NotSeenError as error:
            self._see_not(error, consequence)
            return None

    def _see_not(self, error: NotSeenError, consequence: str, instead: str = "") -> None:
        """A refusal leaves the rest to be seen; an API server that fails now would fail at everything else too."""
        if error.__cause__ and not isinstance(error.__cause__, Forbidden):
            raise error.__cause__
        how = f"{error.unseen.how}; or {instead}" if instead else error.unseen.how
        self.blind.append(Unseen(reason=f"{consequence}: {error.unseen.reason}", how=how))


def _record(
    ref: ReleaseRef, marks: Mapping[str, str], record: StoredRelease | Unseen | None
) -> StoredRelease | Unseen | None:
    """Helm's, unless it is of long ago: of what Argo CD took over, or of what was uninstalled and applied anew."""
    if _RELEASE_NAME not in marks or deployed_by({"labels": marks}, unlabelled=True) == ARGO_CD:
        return None
    if isinstance(record, StoredRelease) and record.status == HelmStatus.UNINSTALLED:
        return None
    if record is None and marks[_RELEASE_NAME]:
        return Unseen(
            reason=f"Helm installed {ref}, and no Secret in its namespace holds the release's record.",
            how="Helm keeps it elsewhere where HELM_DRIVER says so: see helm list with that driver.",
        )
    return record


def _guess(row: Json) -> Iterator[Product]:
    containers, images = _cells(row, "containers"), _cells(row, "images")
    for product in Product:
        if product.container in containers or any(product_of_image(image) is product for image in images):
            yield product


def _server_image(row: Json, product: Product) -> str:
    for container, image in zip(_cells(row, "containers"), _cells(row, "images"), strict=False):
        if container == product.container:
            return image
    return ""


def _cells(row: Json, column: str) -> list[str]:
    return str(row.get(column) or "").split(",")


def _equalities(selector: str) -> dict[str, str]:
    return dict(re.findall(r"(?:^|,)([^,=!<>() ]+)=([^,]+)", selector))
