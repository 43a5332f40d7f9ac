"""Each row of the table "Connects wherever kubectl does" in docs/operations.md, with kubectl beside posit-audit."""

from __future__ import annotations

import base64
import json
import os
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from auditor.cluster.connect import connect
from auditor.cluster.reader import Reader
from auditor.settings import ClusterSettings
from tests.chart_repository import package_charts
from tests.cluster.authorities import Authority, authority
from tests.cluster.gateways import connect_proxy, gateway, socks_proxy
from tests.cluster.neighbours import Neighbours

pytestmark = pytest.mark.cluster
Run = Callable[..., str]

ADMINS = "parity-admins"
STRICT = """
import ssl
made = ssl.SSLContext.__new__
def strict(cls, *arguments, **named):
    context = made(cls, *arguments, **named)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context
ssl.SSLContext.__new__ = strict
"""
"""As Python from 3.13 on makes them: read at the start of every Python below the tests."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """The cluster's side of a kubeconfig, and one release to look at."""

    neighbours: Neighbours
    folder: Path
    server: str
    authority: Path
    certificate: Path
    key: Path
    token: str

    @property
    def address(self) -> tuple[str, int]:
        url = urlsplit(self.server)
        return str(url.hostname), int(url.port or 443)

    def kubeconfig(
        self, user: Mapping[str, Any], cluster: Mapping[str, Any] | None = None, name: str = "kubeconfig"
    ) -> str:
        """Its path. Without `cluster` the cluster itself, its authority inline."""
        inline = base64.b64encode(self.authority.read_bytes()).decode()
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "here",
            "clusters": [
                {"name": "c", "cluster": cluster or {"server": self.server, "certificate-authority-data": inline}}
            ],
            "users": [{"name": "u", "user": dict(user)}],
            "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        }
        file = self.folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(content))
        return str(file)

    def agree(self, kubeconfig: str, *flags: str, **environment: str) -> tuple[str, ...]:
        return self.neighbours.agree(*flags, KUBECONFIG=kubeconfig, **environment)  # type: ignore[return-value]

    def refuse(self, kubeconfig: str, *flags: str, **environment: str) -> str:
        return self.neighbours.refuse(*flags, KUBECONFIG=kubeconfig, **environment)


@pytest.fixture(scope="module")
def neighbours(
    kubectl: Run,
    helm: Run,
    images: list[str],
    cluster_environment: dict[str, str],
    audit_events: Callable[[str], list[dict[str, Any]]],
    state_folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Neighbours]:
    """A Package Manager whose pod runs, with a volume; the group that may everything."""
    folder = tmp_path_factory.mktemp("parity")
    (folder / "strict").mkdir()
    (folder / "strict" / "sitecustomize.py").write_text(STRICT)
    chart = package_charts(tmp_path_factory.mktemp("charts")) / "rstudio-pm-0.20.4.tgz"
    name = "parity"
    kubectl("create", "namespace", name)
    kubectl("create", "-f", "-", input=json.dumps(_volume(name, state_folder)))
    kubectl("create", "clusterrolebinding", name, "--clusterrole=cluster-admin", f"--group={ADMINS}")
    kubectl("create", "serviceaccount", "auditor", "-n", name)
    account = f"--serviceaccount={name}:auditor"
    kubectl("create", "clusterrolebinding", f"{name}-account", "--clusterrole=cluster-admin", account)
    storage = {"create": True, "mount": True, "storageClassName": name}
    values = json.dumps({"sharedStorage": storage, "license": {"key": "x"}})
    helm("install", "pm", str(chart), "-n", name, "-f", "-", "--wait", "--timeout=120s", input=values)
    pod = kubectl("get", "pods", "-n", name, "-o", "jsonpath={.items[0].metadata.name}")
    root = Path(__file__).parent.parent.parent
    environment = {**cluster_environment, "HOME": str(folder), "NO_COLOR": "1", "NO_PROXY": "", "no_proxy": ""}
    for variable in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        environment.pop(variable, None)
    yield Neighbours(
        environment={**environment, "PYTHONPATH": f"{folder / 'strict'}{os.pathsep}{root}"},
        folder=folder,
        namespace=name,
        pod=pod,
        chart=chart,
        audit_events=audit_events,
    )
    helm("uninstall", "pm", "-n", name, check=False)
    kubectl("delete", "pods", "--all", "-n", name, "--grace-period=0", "--force", check=False)
    kubectl("delete", "namespace", name, "--wait=false", check=False)
    kubectl("delete", "clusterrolebinding", name, f"{name}-account", check=False)
    kubectl("delete", "persistentvolume", name, "--wait=false", check=False)


def _volume(name: str, state_folder: Path) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": "10Gi"},
            "accessModes": ["ReadWriteMany"],
            "storageClassName": name,
            "persistentVolumeReclaimPolicy": "Retain",
            "hostPath": {"path": str(state_folder / name), "type": "DirectoryOrCreate"},
            "claimRef": {"namespace": name, "name": "pm-rstudio-pm-shared-storage"},
        },
    }


@pytest.fixture(scope="module")
def site(neighbours: Neighbours, kubeconfig: Path, kubectl: Run) -> Site:
    told = yaml.safe_load(kubeconfig.read_text())
    cluster, user = told["clusters"][0]["cluster"], told["users"][0]["user"]
    folder = neighbours.folder
    data = {
        "cluster.crt": cluster["certificate-authority-data"],
        "admin.crt": user["client-certificate-data"],
        "admin.key": user["client-key-data"],
    }
    for name, content in data.items():
        (folder / name).write_bytes(base64.b64decode(content))
    return Site(
        neighbours=neighbours,
        folder=folder,
        server=cluster["server"],
        authority=folder / "cluster.crt",
        certificate=folder / "admin.crt",
        key=folder / "admin.key",
        token=kubectl("create", "token", "auditor", "-n", neighbours.namespace, "--duration=2h").strip(),
    )


@pytest.fixture(scope="module")
def old(site: Site) -> Authority:
    """An authority without key usage and key identifiers, as of EKS clusters of 2020 and before, and of MicroK8s."""
    return authority(site.folder)


# --- where the kubeconfig and the credentials are -----------------------------------------------------------------


def test_several_files_with_relative_paths(site: Site) -> None:
    """The first file wins, whatever the later ones say, and each path counts from its own file."""
    for name, file in (("one", "ca"), ("two", "client")):
        (site.folder / name / file).mkdir(parents=True)
    (site.folder / "one" / "ca" / "cluster.crt").write_bytes(site.authority.read_bytes())
    (site.folder / "two" / "client" / "admin.crt").write_bytes(site.certificate.read_bytes())
    (site.folder / "two" / "client" / "admin.key").write_bytes(site.key.read_bytes())
    cluster = {"server": site.server, "certificate-authority": "ca/cluster.crt"}
    user = {"client-certificate": "client/admin.crt", "client-key": "client/admin.key"}
    files: dict[str, dict[str, Any]] = {
        "one/config": {
            "current-context": "here",
            "clusters": [{"name": "c", "cluster": cluster}],
            "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        },
        "two/config": {
            "current-context": "there",
            "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:9"}}],
            "users": [{"name": "u", "user": user}],
        },
        "three": {
            "users": [{"name": "u", "user": {"token": "of-somebody-else"}}],
            "contexts": [{"name": "there", "context": {"cluster": "c", "user": "u"}}],
        },
    }
    for name, content in files.items():
        (site.folder / name).write_text(json.dumps({"apiVersion": "v1", "kind": "Config", **content}))
    assert site.agree("one/config:none:two/config:three")[0] == "kubernetes-admin"


@pytest.mark.matrix
def test_inline_certificate(site: Site, kubeconfig: Path) -> None:
    assert site.agree(str(kubeconfig))[0] == "kubernetes-admin"


@pytest.mark.matrix
def test_inline_token(site: Site) -> None:
    assert site.agree(site.kubeconfig({"token": site.token}))[0] == "system:serviceaccount:parity:auditor"


def test_token_file_that_rotates(site: Site, kubectl: Run) -> None:
    """Read by kubectl for each command; by one run of ours, which may take days, for each request."""
    (site.folder / "token").write_text(f"{site.token}\n")
    config = site.kubeconfig({"tokenFile": "token", "token": "older"})
    assert site.agree(config)[0] == "system:serviceaccount:parity:auditor"
    connection = connect(ClusterSettings(kubeconfig=config))
    (site.folder / "token").write_text(kubectl("create", "token", "default", "-n", "parity").strip())
    assert Reader(connection).whoami() == "system:serviceaccount:parity:default"


# --- credential programs --------------------------------------------------------------------------------------------


def program(site: Site, script: str, version: str = "v1", **fields: Any) -> dict[str, Any]:
    """The `exec` user of a shell script beside the kubeconfig; $TOKEN and $INFO are there for it."""
    (site.folder / "bin").mkdir(exist_ok=True)
    file = site.folder / "bin" / "credentials"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    env = [{"name": "TOKEN", "value": site.token}]
    api = f"client.authentication.k8s.io/{version}"
    return {"exec": {"apiVersion": api, "command": "./bin/credentials", "env": env, **fields}}


GIVES_TOKEN = (
    'printf \'{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential",'
    '"status":{"token":"%s"}}\' "$TOKEN"'
)


@pytest.mark.matrix
def test_program_v1_that_gives_a_token(site: Site) -> None:
    user = program(site, GIVES_TOKEN, interactiveMode="Never")
    assert site.agree(site.kubeconfig(user))[0] == "system:serviceaccount:parity:auditor"


@pytest.mark.matrix
def test_program_v1beta1_that_gives_a_certificate(site: Site) -> None:
    pair = {"clientCertificateData": site.certificate.read_text(), "clientKeyData": site.key.read_text()}
    (site.folder / "answer.json").write_text(
        json.dumps({"apiVersion": "client.authentication.k8s.io/v1beta1", "kind": "ExecCredential", "status": pair})
    )
    user = program(site, f"cat '{site.folder}/answer.json'", "v1beta1")
    assert site.agree(site.kubeconfig(user))[0] == "kubernetes-admin"


@pytest.mark.matrix
def test_program_is_told_of_the_cluster(site: Site) -> None:
    """The same, word for word, by kubectl and by us."""
    extension = {"name": "client.authentication.k8s.io/exec", "extension": {"audience": "parity"}}
    cluster = {"server": site.server, "certificate-authority": "cluster.crt", "extensions": [extension]}
    script = f'printf %s "$KUBERNETES_EXEC_INFO" > "{site.folder}/$ASKED"; {GIVES_TOKEN}'
    config = site.kubeconfig(program(site, script, interactiveMode="Never", provideClusterInfo=True), cluster)
    kubectl = site.neighbours.run(site.neighbours.kubectl(), KUBECONFIG=config, ASKED="by-kubectl")
    scan = site.neighbours.run(site.neighbours.scan(), KUBECONFIG=config, ASKED="by-us")
    assert (kubectl.code, scan.code) == (0, 0)
    by_kubectl, by_us = (json.loads((site.folder / name).read_text()) for name in ("by-kubectl", "by-us"))
    assert by_us == by_kubectl
    assert by_us["spec"]["cluster"]["config"] == {"audience": "parity"}


@pytest.mark.matrix
def test_program_that_fails(site: Site) -> None:
    config = site.kubeconfig(program(site, "echo 'the session has ended' >&2; exit 3", interactiveMode="Never"))
    assert "gave no credentials" in (told := site.refuse(config))
    assert "the session has ended" in told


def test_program_that_asks(site: Site) -> None:
    """At a terminal the question is seen and answered, once; Helm, whose stdin holds values, gets the answer's token.
    Without a terminal it is a sentence."""
    script = f"printf 'PIN: ' >&2; read -r pin; [ \"$pin\" = 1234 ] || exit 1; {GIVES_TOKEN}"
    config = site.kubeconfig(program(site, script, interactiveMode="Always"))
    neighbours = site.neighbours
    kubectl, scan, driver = (
        neighbours.at_a_terminal(argv, "1234", KUBECONFIG=config)
        for argv in (neighbours.kubectl(), neighbours.scan(), neighbours.log_and_helm())
    )
    assert kubectl.code == 0, kubectl.err
    neighbours.worked(scan, driver)
    assert driver.err.count("PIN: ") == 1
    assert "asks at a terminal, and stdin is none" in site.refuse(config)


def test_auth_provider_oidc(site: Site) -> None:
    """A service account's token is an id-token as any other. What has expired is renewed by kubectl alone."""
    config = {"idp-issuer-url": "https://127.0.0.1:9", "client-id": "kubernetes", "id-token": site.token}
    user = {"auth-provider": {"name": "oidc", "config": config}}
    assert site.agree(site.kubeconfig(user))[0] == "system:serviceaccount:parity:auditor"
    config["id-token"] = "e30.eyJleHAiOjF9.c2ln"
    assert "has expired, and the kubeconfig has no refresh-token" in site.refuse(site.kubeconfig(user))


@pytest.mark.matrix
def test_auth_provider_that_kubectl_removed(site: Site) -> None:
    user = {"auth-provider": {"name": "gcp", "config": {"access-token": site.token}}}
    assert "'gcp', which kubectl and Helm no longer have" in site.refuse(site.kubeconfig(user))


# --- the way there --------------------------------------------------------------------------------------------------


def test_proxy_url_with_a_login(site: Site) -> None:
    cluster = {"server": site.server, "certificate-authority": "cluster.crt"}
    with connect_proxy("jo:se%cret") as (port, asked):
        cluster["proxy-url"] = f"http://jo:se%25cret@127.0.0.1:{port}"
        # It concerns the environment's proxies alone.
        site.agree(site.kubeconfig({"token": site.token}, cluster), NO_PROXY="*")
        assert set(asked) == {urlsplit(site.server).netloc}
        assert len(asked) >= 4  # kubectl, request, exec, Helm


@pytest.mark.matrix
def test_proxy_url_of_socks(site: Site) -> None:
    with socks_proxy() as (port, asked):
        cluster = {
            "server": site.server,
            "certificate-authority": "cluster.crt",
            "proxy-url": f"socks5://127.0.0.1:{port}",
        }
        site.agree(site.kubeconfig({"token": site.token}, cluster))
        assert set(asked) == {urlsplit(site.server).netloc}
        assert len(asked) >= 4


def test_proxy_url_of_a_proxy_behind_tls(site: Site) -> None:
    """It is trusted by the authority of the cluster, as by kubectl, and by nothing else."""
    proxies = authority(site.folder, "proxies")
    issued = proxies.issue("proxy", "IP:127.0.0.1")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(issued.certificate, issued.key)
    both = site.folder / "both.crt"
    both.write_bytes(site.authority.read_bytes() + proxies.certificate.read_bytes())
    cluster = {"server": site.server, "certificate-authority": "both.crt"}
    with connect_proxy("jo:secret", tls) as (port, asked):
        cluster["proxy-url"] = f"https://jo:secret@127.0.0.1:{port}"
        site.agree(site.kubeconfig({"token": site.token}, cluster))
        through = len(asked)
        assert through >= 4
        del cluster["proxy-url"]
        config = site.kubeconfig({"token": site.token}, cluster)
        site.agree(config, HTTPS_PROXY=f"https://jo:secret@127.0.0.1:{port}")
        assert len(asked) >= through + 4
        cluster["certificate-authority"] = "cluster.crt"
        config = site.kubeconfig({"token": site.token}, cluster)
        told = site.refuse(config, HTTPS_PROXY=f"https://jo:secret@127.0.0.1:{port}")
        assert f"The proxy https://127.0.0.1:{port} on the way" in told
        assert "unable to get local issuer certificate" in told


def test_https_proxy_and_no_proxy(site: Site) -> None:
    config = site.kubeconfig({"token": site.token})
    with connect_proxy() as (port, asked):
        proxy = f"http://127.0.0.1:{port}"
        site.agree(config, HTTPS_PROXY=proxy)
        through = len(asked)
        assert through >= 4
        site.agree(config, HTTPS_PROXY=proxy, NO_PROXY=f"example.org,{site.address[0]}/30")
        assert len(asked) == through


@pytest.mark.matrix
def test_this_machine_is_never_asked_through_a_proxy(site: Site, old: Authority) -> None:
    """As with a tunnel or kind behind a company's HTTPS_PROXY."""
    issued = old.issue("loopback", "IP:127.0.0.1")
    with gateway(site.address, site.authority, issued) as (port, _):
        cluster = {"server": f"https://127.0.0.1:{port}", "certificate-authority": str(old.certificate)}
        site.agree(site.kubeconfig({"token": site.token}, cluster), HTTPS_PROXY="http://127.0.0.1:9")


@pytest.mark.matrix
def test_tls_server_name(site: Site, old: Authority) -> None:
    issued = old.issue("named", "DNS:api.example")
    with gateway(site.address, site.authority, issued) as (port, _):
        cluster = {"server": f"https://127.0.0.1:{port}", "certificate-authority": str(old.certificate)}
        assert "not valid for '127.0.0.1'" in site.refuse(site.kubeconfig({"token": site.token}, cluster))
        cluster["tls-server-name"] = "api.example"
        site.agree(site.kubeconfig({"token": site.token}, cluster))


def test_ipv6(site: Site, old: Authority) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("This machine has no ::1.")
    issued = old.issue("six", "IP:::1")
    with gateway(site.address, site.authority, issued, address="::1") as (port, asked):
        cluster = {"server": f"https://[::1]:{port}", "certificate-authority": str(old.certificate)}
        site.agree(site.kubeconfig({"token": site.token}, cluster))
        assert asked


def test_server_with_a_path_prefix(site: Site, old: Authority) -> None:
    issued = old.issue("rancher", "IP:127.0.0.1")
    with gateway(site.address, site.authority, issued, prefix="/k8s/clusters/c-m-1") as (port, asked):
        server = f"https://127.0.0.1:{port}/k8s/clusters/c-m-1"
        cluster = {"server": server, "certificate-authority": str(old.certificate)}
        site.agree(site.kubeconfig({"token": site.token}, cluster))
        assert all(path.startswith("/k8s/clusters/c-m-1/") for path in asked)


# --- TLS ------------------------------------------------------------------------------------------------------------


@pytest.mark.matrix
def test_old_authority_under_the_strict_flag(site: Site, old: Authority) -> None:
    issued = old.issue("old", "IP:127.0.0.1")
    with gateway(site.address, site.authority, issued) as (port, _):
        cluster = {"server": f"https://127.0.0.1:{port}", "certificate-authority": str(old.certificate)}
        site.agree(site.kubeconfig({"token": site.token}, cluster))


@pytest.mark.parametrize(
    ("names", "days", "trusted", "word"),
    [
        (("IP:127.0.0.1",), 30, "cluster.crt", "unable to get local issuer certificate"),
        (("IP:127.0.0.1",), -1, "", "certificate has expired"),
        (("DNS:elsewhere",), 30, "", "not valid for '127.0.0.1'"),
    ],
    ids=["wrong-authority", "expired", "wrong-name"],
)
def test_what_is_not_to_be_trusted_is_not(
    site: Site, old: Authority, names: tuple[str, ...], days: int, trusted: str, word: str
) -> None:
    with gateway(site.address, site.authority, old.issue("bad", *names, days=days)) as (port, _):
        trusted = trusted or str(old.certificate)
        cluster: dict[str, Any] = {"server": f"https://127.0.0.1:{port}", "certificate-authority": trusted}
        told = site.refuse(site.kubeconfig({"token": site.token}, cluster))
        assert f"No trusted connection to the API server {cluster['server']} could be made: " in told
        assert word in told
        del cluster["certificate-authority"]
        cluster["insecure-skip-tls-verify"] = True
        config = site.kubeconfig({"token": site.token}, cluster)
        assert site.neighbours.run(site.neighbours.kubectl(), KUBECONFIG=config).code == 0
        scan = site.neighbours.run(site.neighbours.scan(), KUBECONFIG=config)
        assert scan.code == 0, scan.err
        (line,) = scan.err.splitlines()
        assert "certificate is not verified" in line


# --- as whom --------------------------------------------------------------------------------------------------------

FULL = {"as": "jo", "as-uid": "17", "as-groups": [ADMINS, "readers"], "as-user-extra": {"Dept.Of/X%": ["a", "b"]}}


@pytest.mark.parametrize(
    "flags",
    [
        (),
        pytest.param(("--as", "bob"), marks=pytest.mark.matrix),
        pytest.param(("--as-group", ADMINS, "--as-group", "others"), marks=pytest.mark.matrix),
        pytest.param(("--as-uid", "18"), marks=pytest.mark.matrix),
        ("--as", "bob", "--as-uid", "18", "--as-group", ADMINS),
    ],
    ids=["the-kubeconfigs", "user", "groups", "uid", "all"],
)
def test_impersonation_by_kubeconfig_and_flags(site: Site, flags: tuple[str, ...]) -> None:
    told = site.agree(site.kubeconfig({"token": site.token, **FULL}), *flags)
    assert told[0] == ("bob" if "bob" in flags else "jo")


@pytest.mark.matrix
def test_flags_alone(site: Site, kubeconfig: Path) -> None:
    config = str(kubeconfig)
    assert site.agree(config, "--as", "bob", "--as-uid", "18", "--as-group", ADMINS)[:2] == ("bob", "18")
    assert "Name the user with --as" in site.refuse(config, "--as-group", ADMINS)


def test_look_by_job(site: Site) -> None:
    """Through a proxy, as another user: the Job, its pod and its log."""
    neighbours, start = site.neighbours, datetime.now(UTC)
    cluster = {"server": site.server, "certificate-authority": "cluster.crt"}
    with connect_proxy() as (port, asked):
        cluster["proxy-url"] = f"http://127.0.0.1:{port}"
        config = site.kubeconfig({"token": site.token, **FULL}, cluster)
        scan = neighbours.run(neighbours.scan("--probe", "job"), KUBECONFIG=config)
        assert asked
    assert scan.code == 0, scan.err
    (finding,) = json.loads(scan.out)["findings"]
    assert finding["result"] != "unknown", finding
    ours = neighbours.ours(start)
    did = {(one["verb"], one["objectRef"]["resource"], one["objectRef"].get("subresource", "")) for one in ours}
    assert {("create", "jobs", ""), ("get", "pods", "log"), ("delete", "jobs", "")} <= did
    assert {one["impersonatedUser"]["username"] for one in ours} == {"jo"}


def test_refusals_name_the_user_that_is_meant(site: Site) -> None:
    neighbours = site.neighbours
    config = site.kubeconfig({"token": site.token, "as": "jo"})
    scan = neighbours.run(neighbours.scan(), KUBECONFIG=config)
    kubectl = neighbours.run(("kubectl", "get", "pods", "-n", "parity"), KUBECONFIG=config)
    assert 'User "jo" cannot' in kubectl.err
    assert "User 'jo' may not" in scan.err + scan.out


# --- in the cluster -------------------------------------------------------------------------------------------------


def test_in_cluster(site: Site) -> None:
    """A pod's account where a pod has it, in a mount namespace of its own; no kubeconfig anywhere."""
    mounted = site.folder / "account"
    mounted.mkdir()
    (mounted / "token").write_text(site.token)
    (mounted / "namespace").write_text("parity")
    (mounted / "ca.crt").write_bytes(site.authority.read_bytes())
    script = (
        "mount -t tmpfs tmpfs /run; mkdir -p /run/secrets/kubernetes.io; "
        f"cp -r '{mounted}' /run/secrets/kubernetes.io/serviceaccount; exec \"$@\""
    )
    sudo = () if os.geteuid() == 0 else ("sudo", "-E")
    host, port = site.address
    inside = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": str(port), "KUBECONFIG": ""}
    neighbours = replace(site.neighbours, before=(*sudo, "unshare", "--mount", "sh", "-euc", script, "sh"))
    assert neighbours.agree(**inside)[0] == "system:serviceaccount:parity:auditor"
    # With --as kubectl doesn't find the pod's account, nor would Helm, were it not given a kubeconfig of ours.
    flags = ("--as", "bob", "--as-group", ADMINS)
    assert "localhost:8080" in neighbours.run(neighbours.kubectl(*flags), **inside).err
    start = datetime.now(UTC)
    neighbours.worked(
        neighbours.run(neighbours.scan(*flags), **inside), neighbours.run(neighbours.log_and_helm(*flags), **inside)
    )
    assert {user for user, *_ in neighbours.seen(start)} == {"bob"}
