"""Everything that posit-audit asks a cluster: gets, paged lists, metadata-only lists, tables, logs and read-only exec.

Nothing here sends a request that changes anything; the only POSTs ask who we are and what an account is allowed to do,
and store nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from auditor.cluster.connect import Connection
from auditor.cluster.exec import ExecResult, run_in_container
from auditor.cluster.request import path_of, refusal, send, stream
from auditor.cluster.retry import ATTEMPTS
from auditor.errors import ClusterError, Gone, NotFound
from auditor.model.kubernetes import LOCAL_ACCESS_REVIEWS, PODS, Access, ObjectRef, Resource

PAGE = 500
_METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"
_ACCESS_REVIEW = Resource(
    "authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", namespaced=False
)
_SELF_REVIEW = Resource("authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", namespaced=False)


class Reader:
    """Raises Unauthorized, Forbidden, NotFound or Unavailable, each with its sentence; ClusterError where no API server
    answers."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def get(self, resource: Resource, namespace: str, name: str) -> dict[str, Any]:
        refused = refusal(self.connection, "get", resource, namespace, name)
        return send(self.connection, "GET", path_of(resource, namespace, name), refused)

    def list(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        metadata_only: bool = False,
    ) -> Iterator[dict[str, Any]]:
        """Objects page by page; `namespace` None asks for all. With `metadata_only` an object is its metadata, and
        the rest never leaves the server."""
        accept = _METADATA_ONLY if metadata_only else "application/json"
        for page in self._pages(resource, namespace, label_selector, field_selector, accept):
            for item in page.get("items") or ():
                yield {**item, "apiVersion": resource.api_version, "kind": resource.kind}

    def table(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
    ) -> Iterator[dict[str, Any]]:
        """What `kubectl get -o wide` shows, as dicts: `namespace`, `name`, `labels`, and each column by its lower-case
        name ("containers", "images", "selector" for workloads). A fraction of the objects' size on the wire."""
        columns: list[str] = []
        for page in self._pages(resource, namespace, label_selector, field_selector, _TABLE):
            # Only the first page of a Table defines its columns.
            columns = [column["name"].lower() for column in page.get("columnDefinitions") or ()] or columns
            for row in page.get("rows") or ():
                metadata = row["object"]["metadata"]
                yield {
                    **dict(zip(columns, row["cells"], strict=False)),
                    "namespace": metadata.get("namespace", ""),
                    "name": metadata["name"],
                    "labels": metadata.get("labels") or {},
                }

    def _pages(
        self, resource: Resource, namespace: str | None, labels: str, fields: str, accept: str
    ) -> Iterator[dict[str, Any]]:
        refused = refusal(self.connection, "list", resource, namespace)
        query = {"limit": str(PAGE), "labelSelector": labels, "fieldSelector": fields}
        query = {name: value for name, value in query.items() if value}
        told: set[tuple[str, str]] = set()
        again: frozenset[tuple[str, str]] | None = None
        while True:
            try:
                page = send(self.connection, "GET", path_of(resource, namespace), refused, query=query, accept=accept)
            except Gone:
                # The rest of a list is kept for some minutes only; what was told of it is left out of the next one.
                if again is not None or not query.pop("continue", ""):
                    raise
                again = frozenset(told)
                continue
            for part in page.keys() & {"items", "rows"}:
                page[part] = [one for one in page[part] or () if _name(one) not in (again or ())]
                told.update(map(_name, page[part]))
            yield page
            token = (page.get("metadata") or {}).get("continue")
            if not token:
                return
            query = {**query, "continue": token}

    def exec(
        self,
        namespace: str,
        pod: str,
        container: str,
        command: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout: float = 60.0,
    ) -> ExecResult:
        return run_in_container(self.connection, namespace, pod, container, command, stdin=stdin, timeout=timeout)

    def log(
        self, namespace: str, pod: str, container: str, *, tail_lines: int | None = None, attempts: int = ATTEMPTS
    ) -> Iterator[str]:
        """Lines of a container's log up to now. One attempt for who asks again by itself: a node that does not answer
        costs each of them the whole time-out."""
        query = {"container": container}
        if tail_lines is not None:
            query["tailLines"] = str(tail_lines)
        refused = refusal(self.connection, "get", PODS, namespace, pod, "log")
        path = path_of(PODS, namespace, pod, "log")
        rest = b""
        for chunk in stream(self.connection, path, refused, query=query, attempts=attempts):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                yield line.decode("utf-8", "replace")
        if rest:
            yield rest.decode("utf-8", "replace")

    def resource(self, api_version: str, kind: str) -> Resource | None:
        """Of a kind that may be anybody's; None if the API server has none. Every user may ask for it (ClusterRole
        system:discovery)."""
        group, _, version = api_version.rpartition("/")
        root = Resource(group, version, "", kind, namespaced=False)
        refused = refusal(self.connection, "get", root, None)
        try:
            listed = send(self.connection, "GET", path_of(root, None).rstrip("/"), refused)
        except NotFound:
            return None
        try:
            for one in listed.get("resources") or ():
                if one["kind"] == kind and "/" not in one["name"]:
                    return Resource(group, version, one["name"], kind, namespaced=bool(one["namespaced"]))
        except (AttributeError, KeyError, TypeError):  # an extension API server may answer anything
            raise ClusterError(
                f"The API server's list of the resources of {api_version} has an unexpected shape.",
                hint=f"Look at it: kubectl get --raw {path_of(root, None).rstrip('/')}",
            ) from None
        return None

    def allowed(self, access: Access, verb: str, namespace: str | None, name: str = "") -> bool:
        """Whether the present identity may; None asks for all namespaces."""
        attributes: Mapping[str, str] = {
            "group": access.resource.group,
            "resource": access.resource.plural,
            "subresource": access.subresource,
            "verb": verb,
            "namespace": (namespace or "") if access.resource.granted_in_namespace else "",
            "name": name,
        }
        review = {
            "apiVersion": _ACCESS_REVIEW.api_version,
            "kind": _ACCESS_REVIEW.kind,
            "spec": {"resourceAttributes": attributes},
        }
        refused = refusal(self.connection, "create", _ACCESS_REVIEW, None)
        answer = send(self.connection, "POST", path_of(_ACCESS_REVIEW, None), refused, body=review)
        return bool((answer.get("status") or {}).get("allowed"))

    def granted(self, account: ObjectRef, access: Access, verb: str, namespace: str) -> bool:
        """Whether a service account is allowed to. A Role can grant this review, unlike that of the whole cluster."""
        review = {
            "apiVersion": LOCAL_ACCESS_REVIEWS.api_version,
            "kind": LOCAL_ACCESS_REVIEWS.kind,
            "metadata": {"namespace": namespace},
            "spec": {
                "user": f"system:serviceaccount:{account.namespace}:{account.name}",
                "groups": [
                    "system:serviceaccounts",
                    f"system:serviceaccounts:{account.namespace}",
                    "system:authenticated",
                ],
                "resourceAttributes": {
                    "group": access.resource.group,
                    "resource": access.resource.plural,
                    "subresource": access.subresource,
                    "verb": verb,
                    "namespace": namespace,
                },
            },
        }
        refused = refusal(self.connection, "create", LOCAL_ACCESS_REVIEWS, namespace)
        answer = send(self.connection, "POST", path_of(LOCAL_ACCESS_REVIEWS, namespace), refused, body=review)
        return bool((answer.get("status") or {}).get("allowed"))

    def whoami(self) -> str:
        """The user that the API server takes us for; "" where it is too old to say (before Kubernetes 1.28)."""
        review = {"apiVersion": _SELF_REVIEW.api_version, "kind": _SELF_REVIEW.kind}
        refused = refusal(self.connection, "create", _SELF_REVIEW, None)
        try:
            answer = send(self.connection, "POST", path_of(_SELF_REVIEW, None), refused, body=review)
        except NotFound:
            return ""
        return str(((answer.get("status") or {}).get("userInfo") or {}).get("username", ""))


def _name(one: Mapping[str, Any]) -> tuple[str, str]:
    """Namespace and name of a list's item or a Table's row."""
    metadata = one.get("object", one)["metadata"]
    return metadata.get("namespace", ""), metadata["name"]
