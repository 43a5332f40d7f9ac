"""From flags and environment to a connection, where kubectl would connect and as whom: a kubeconfig's context with its
impersonation, or the pod's own account."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import structlog
import urllib3.exceptions
from kubernetes import client

from auditor import __version__
from auditor.cluster import helm_access, kubeconfig
from auditor.cluster.credentials import FromProgram, credentials_of
from auditor.cluster.kubeconfig import Chosen, Cluster, User
from auditor.cluster.proxy import proxy_for
from auditor.cluster.tls import context_for, present
from auditor.cluster.transport import Transport
from auditor.errors import ClusterError
from auditor.model.identity import Impersonation
from auditor.names.address import without_credentials
from auditor.settings import ClusterSettings

log = structlog.get_logger()

_POD_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class Connection:
    """An open door to one API server."""

    def __init__(self, chosen: Chosen, settings: ClusterSettings, *, in_cluster: bool) -> None:
        self.settings = settings
        self.context, self.namespace, self.in_cluster = chosen.name, chosen.namespace, in_cluster
        # As it is asked and printed: without a user, password or query that may stand in it.
        self.server = without_credentials(str(chosen.cluster.server)).rstrip("/")
        self.impersonation = settings.impersonation.over(chosen.user.impersonation)
        if not self.impersonation.user and self.impersonation != Impersonation():
            raise ClusterError(
                "A user ID, groups or extra fields are to be impersonated, and no user.",
                hint="Name the user with --as, or as `as` in the kubeconfig.",
            )
        self._chosen = chosen
        proxy = proxy_for(self.server, chosen.cluster.proxy_url)
        self._credentials = credentials_of(chosen)
        self._pair = self._credentials.pair
        tls = context_for(chosen.cluster, self._pair)
        self.transport = Transport(self.server, tls=tls, server_name=chosen.cluster.tls_server_name or "", proxy=proxy)
        # An empty proxy keeps it from choosing one by rules of its own.
        self.api = client.ApiClient(client.Configuration(host=self.server, proxy=""))
        # Who reads the API server's audit log sees which requests were ours.
        self.api.user_agent = f"posit-audit/{__version__}"
        self.api.rest_client.pool_manager = self.transport.pool()
        if chosen.cluster.insecure_skip_tls_verify:
            warnings.filterwarnings("ignore", category=urllib3.exceptions.InsecureRequestWarning)
            log.warning("the API server's certificate is not verified (insecure-skip-tls-verify)", server=self.server)

    @property
    def identity(self) -> str:
        """Whom a refusal is about, as a sentence begins with it."""
        return f"User {self.impersonation.user!r}" if self.impersonation.user else "This identity"

    def headers(self) -> list[tuple[str, str]]:
        """Who asks; a name may come several times. Renews what has expired: to be asked for before each request."""
        authorization = self._credentials.authorization()
        self._present()
        headers = [("Authorization", authorization)] if authorization else []
        headers += self.impersonation.headers
        for name, value in headers:
            if not value.isprintable():
                raise ClusterError(f"What would be sent as {name} holds a line break or another control character.")
        return headers

    def renew(self) -> bool:
        """After a 401: whether there are other credentials to try."""
        renewed = self._credentials.renew()
        self._present()
        return renewed

    def kubeconfig_for_helm(self) -> bytes | None:
        """A kubeconfig that leads Helm where we are and as whom, for what none of its flags says; None where its own
        reading of ours does. With --as it would not find a pod's account. Holds credentials."""
        program = self._credentials if isinstance(self._credentials, FromProgram) else None
        asked = program is not None and program.asked
        if not (asked or self.settings.impersonate_uid or (self.in_cluster and self.impersonation.user)):
            return None
        given = None
        if program is not None and asked:
            given = program.authorization().removeprefix("Bearer "), program.pair
        return helm_access.kubeconfig(self._chosen, self.impersonation, given)

    def _present(self) -> None:
        pair = self._credentials.pair
        if pair is not None and pair != self._pair:
            present(self.transport.tls, pair)
            self.api.rest_client.pool_manager.clear()
            self._pair = pair


def connect(settings: ClusterSettings) -> Connection:
    """Raises ClusterError where there is no kubeconfig, no such context, or one that doesn't load."""
    chosen = kubeconfig.choose(settings)
    if chosen is not None:
        return Connection(chosen, settings, in_cluster=False)
    if settings.context or "KUBERNETES_SERVICE_HOST" not in os.environ:
        raise kubeconfig.nothing_configured()
    return Connection(_pod_account(), settings, in_cluster=True)


def _pod_account() -> Chosen:
    """What the kubelet gives each pod (k8s.io/client-go, rest/config.go)."""
    token, authority, namespace = (_POD_ACCOUNT / name for name in ("token", "ca.crt", "namespace"))
    for file in (token, authority):
        if not file.is_file():
            raise ClusterError(
                f"The pod's service account can't be used: there is no {file}.",
                hint="Mount its token, or give --kubeconfig.",
            )
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    return Chosen(
        name="in-cluster",
        namespace=namespace.read_text().strip() if namespace.exists() else "default",
        cluster=Cluster(
            server=f"https://{f'[{host}]' if ':' in host else host}:{port}", certificate_authority=str(authority)
        ),
        user=User(token_file=str(token)),
    )
