"""Each facet is seen by itself, and refused by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from auditor.catalog import load
from auditor.errors import Unavailable
from auditor.inventory import DISCOVERY_ACCESS, FACET_ACCESS, take
from auditor.inventory.config import parse_gcfg
from auditor.inventory.images import product_of_image, product_version
from auditor.model.kubernetes import ObjectRef
from auditor.model.product import Product
from auditor.model.scope import ProbeMode, Scope
from auditor.model.seen import Unseen
from auditor.model.snapshot import (
    Config,
    Content,
    Facet,
    HookJob,
    LicenseSecret,
    ReleaseState,
    SecretKey,
    Snapshot,
    Workload,
)
from auditor.questions.targets import Upgrades
from tests.inventory.fake import FakeReader, Json, body, helm_secret
from tests.inventory.releases import CANARY, content_job, release, surroundings

ALL = frozenset(Facet)


def scan(reader: FakeReader, facets: frozenset[Facet] = ALL, probe: ProbeMode = ProbeMode.AUTO) -> Snapshot:
    return take(reader, Scope(current="posit"), facets, probe)  # type: ignore[arg-type]


def one(*objects: Json, facets: frozenset[Facet] = ALL) -> ReleaseState:
    (found,) = scan(FakeReader(*objects), facets).releases
    return found


def unseen(state: ReleaseState) -> set[Facet]:
    return {facet for facet in Facet if isinstance(getattr(state, facet.value), Unseen)}


@pytest.fixture
def estate(tmp_path: Any) -> FakeReader:
    """A Connect whose content runs elsewhere, and a Package Manager with a volume and a hook that hangs."""
    return FakeReader(
        *release("rstudio-connect", apply_method="ssa"),
        *release("rstudio-pm", data=str(tmp_path), apply_method="ssa"),
        *surroundings(),
        content_job("job-a", claim="connect-rstudio-connect-shared-storage", sub_path="apps/1/1"),
        body("Job", "pm-rstudio-pm-chown-shared-storage", spec={"template": {"spec": {"containers": []}}}),
    )


def test_where_nothing_is_refused_everything_is_seen(estate: FakeReader) -> None:
    snapshot = scan(estate)

    assert [unseen(state) for state in snapshot.releases] == [set(), set()]
    assert snapshot.blind == ()


def _accesses() -> Iterator[tuple[str, str]]:
    granted = {access for accesses in FACET_ACCESS.values() for access in accesses}
    for access in sorted(granted, key=lambda access: (access.resource.plural, access.subresource)):
        for verb in access.verbs:
            sub = f"/{access.subresource}" if access.subresource else ""
            yield verb, access.resource.plural + sub


def _needs(facet: Facet, verb: str, plural: str) -> bool:
    return any(
        verb in access.verbs and plural == "/".join(filter(None, (access.resource.plural, access.subresource)))
        for access in FACET_ACCESS[facet]
    )


ONLY_FOR = {
    # What only one product needs. Each facet declares it for both: a role does not know which product it is for.
    Facet.CONTENT: Product.CONNECT,
    Facet.CONTENT_DATA: Product.CONNECT,
    Facet.HOOK_JOBS: Product.PACKAGE_MANAGER,
    Facet.OWNERSHIP: Product.PACKAGE_MANAGER,
}


@pytest.mark.parametrize(("verb", "plural"), sorted(set(_accesses())))
def test_a_refusal_makes_exactly_the_facets_unseen_that_declare_it(estate: FakeReader, verb: str, plural: str) -> None:
    estate.refused.add((verb, plural))

    for state in scan(estate).releases:
        expected = {
            facet for facet in Facet if _needs(facet, verb, plural) and ONLY_FOR.get(facet) in (None, state.product)
        }
        if (verb, plural) == ("get", "configmaps") and state.product is Product.PACKAGE_MANAGER:
            expected -= {Facet.SERVICE_ACCOUNTS, Facet.ROLE_BINDINGS}  # Package Manager has no content elsewhere
        if (verb, plural) == ("get", "services"):
            expected = {Facet.HELD_FIELDS}  # Helm's record tells the chart's version too
        if (verb, plural) == ("list", "pods"):
            expected -= {Facet.CONTENT}  # its Jobs tell of the direct runner's
        if (verb, plural) == ("list", "events"):
            expected = set()  # all is well, so nobody asks
        assert unseen(state) == expected
        for facet in expected:
            missing = getattr(state, facet.value)
            assert f"may not {verb} {plural}" in missing.reason
            assert missing.how


def test_without_helm_the_service_is_what_the_chart_version_needs() -> None:
    reader = FakeReader(*release("rstudio-pm", helm=False))
    reader.refused.add(("get", "services"))

    (state,) = scan(reader, frozenset({Facet.CHART_VERSION})).releases

    assert isinstance(state.chart_version, Unseen)


@pytest.mark.parametrize(
    ("metadata", "tool"),
    [
        ({}, ""),
        ({"labels": {"helm.toolkit.fluxcd.io/name": "pm"}}, "Flux"),
        ({"annotations": {"argocd.argoproj.io/tracking-id": "pm:apps/Deployment:posit/pm"}}, "Argo CD"),
        ({"labels": {"app.kubernetes.io/instance": "pm"}}, "Argo CD"),
        ({"labels": {"app.kubernetes.io/managed-by": "Helm"}}, ""),
    ],
)
def test_a_deployment_tells_who_deploys_it_from_a_repository(metadata: Json, tool: str) -> None:
    objects = release("rstudio-pm")
    objects[0]["metadata"] |= metadata
    deployment = one(*objects, facets=frozenset({Facet.WORKLOAD})).workload
    assert isinstance(deployment, Workload)
    assert deployment.deployed_by == tool


@pytest.mark.parametrize("level", ["", "baseline", "restricted"])
def test_the_pod_security_level_is_the_namespaces_own(level: str) -> None:
    labels = {"pod-security.kubernetes.io/enforce": level, "pod-security.kubernetes.io/warn": "restricted"}
    namespace = body(
        "Namespace", "posit", "", metadata={"labels": {key: value for key, value in labels.items() if value}}
    )
    assert one(*release("rstudio-pm"), namespace, facets=frozenset({Facet.POD_SECURITY})).pod_security == level


def test_every_facet_is_declared_and_discovery_too() -> None:
    assert set(FACET_ACCESS) == set(Facet)
    verbs = {verb for access in (*DISCOVERY_ACCESS, *sum(FACET_ACCESS.values(), ())) for verb in access.verbs}
    assert verbs == {"get", "list", "create"}
    creates = {
        access.subresource for accesses in FACET_ACCESS.values() for access in accesses if "create" in access.verbs
    }
    assert creates == {"exec"}


def test_an_api_server_that_fails_for_one_facet_leaves_the_rest(estate: FakeReader) -> None:
    estate.failing["get", "persistentvolumes"] = Unavailable("The API server did not answer in time.", hint="Again.")

    state = scan(estate).releases[0]

    assert unseen(state) == {Facet.VOLUMES, Facet.CSI_DRIVERS}
    assert state.volumes == Unseen(reason="The API server did not answer in time.", how="Again.")


def test_only_what_is_asked_for_is_fetched(estate: FakeReader) -> None:
    snapshot = scan(estate, frozenset({Facet.WORKLOAD}))

    assert all(isinstance(state.workload, Workload) for state in snapshot.releases)
    assert all(unseen(state) == ALL - {Facet.WORKLOAD} for state in snapshot.releases)
    assert {plural for _, plural, _, _ in estate.requests} == {"deployments", "secrets", "configmaps"}
    assert estate.asked("get", "secrets") == []


def test_nothing_is_asked_twice_but_secrets(estate: FakeReader) -> None:
    scan(estate)

    asked = [request for request in estate.requests if request[1] not in ("secrets", "pods/exec")]
    assert len(asked) == len(set(asked))


def test_no_secret_shows_in_a_snapshot(estate: FakeReader) -> None:
    assert CANARY not in repr(scan(estate))


# -- product and configuration


@pytest.mark.parametrize(
    ("image", "product", "version"),
    [
        ("ghcr.io/rstudio/rstudio-connect:bionic-2022.07.0", Product.CONNECT, "2022.07.0"),
        ("rstudio/rstudio-connect:ubuntu2204-2024.06.0", Product.CONNECT, "2024.06.0"),
        ("posit/connect:2026.08.0-ubuntu-24.04", Product.CONNECT, "2026.08.0"),
        ("mirror:5000/a/posit/package-manager:2026.08.0-ubuntu-24.04", Product.PACKAGE_MANAGER, "2026.08.0"),
        ("rstudio/rstudio-package-manager:2021.12.0-3", Product.PACKAGE_MANAGER, "2021.12.0"),
        ("mirror:5000/posit/connect@sha256:2026", Product.CONNECT, None),
        ("posit/connect:2026.08.0@sha256:2026", Product.CONNECT, "2026.08.0"),
        ("posit/connect:latest", Product.CONNECT, None),
        ("posit/connect", Product.CONNECT, None),
        ("notposit/connect:1", None, None),
        ("corp/connect:build-2026.01.15", None, None),
        ("", None, None),
    ],
)
def test_what_an_image_tells(image: str, product: Product | None, version: str | None) -> None:
    assert product_of_image(image) is product
    told = product_version(image)
    if version:
        assert told == version
    else:
        assert isinstance(told, Unseen)
        assert told.how


def test_a_gcfg_is_read_as_the_charts_write_it() -> None:
    text = (
        "map[GraphiteEnabled:true]\n[Server]\nAddress = http://x = y\nEmpty = \nNothing =\n; a = comment\n"
        '\n[RPackageRepository "CRAN"]\nURL = a\nURL = b\n\n'
        "[OAuth2]\nKey = -----BEGIN\nABCD=\nAB C = d\n-----END\n[Bare]\n"
    )

    assert parse_gcfg(text) == {
        "Server": {"Address": ("http://x = y",), "Empty": ("",), "Nothing": ("",)},
        'RPackageRepository "CRAN"': {"URL": ("a", "b")},
        "OAuth2": {"Key": ("-----BEGIN",)},
        "Bare": {},
    }


def test_bases_of_jobs_and_services_are_read() -> None:
    objects = release("rstudio-connect")
    objects[1]["data"] |= {"job.yaml": "kind: Job\n", "service.yaml": "kind: Service\n"}

    state = one(*objects, *surroundings())

    assert isinstance(state.config, Config)
    assert state.config.job_base is not None
    assert state.config.service_base is not None
    assert (state.config.job_base.reveal(), state.config.service_base.reveal()) == (
        {"kind": "Job"},
        {"kind": "Service"},
    )


@pytest.mark.parametrize("text", ["a: [", "- a", f"{{{CANARY}"])
def test_a_base_that_is_no_yaml_map_is_unseen_and_not_quoted(text: str) -> None:
    objects = release("rstudio-connect")
    objects[1]["data"]["job.yaml"] = text

    state = one(*objects, *surroundings())

    assert isinstance(state.config, Unseen)
    assert "job.yaml in ConfigMap posit/connect-rstudio-connect-config is not a YAML map" in state.config.reason
    assert CANARY not in repr(state)


# -- workload and pods


def test_a_deployment_and_its_pods_are_told_as_they_are() -> None:
    objects = release("rstudio-pm")
    hook_pod = {"spec": {"containers": [{"name": "chown", "image": "busybox"}]}, "metadata": objects[3]["metadata"]}
    objects.append(body("Pod", "hook", metadata={"labels": objects[3]["metadata"]["labels"]}, spec=hook_pod["spec"]))
    objects[3]["status"] = {
        "phase": "Pending",
        "initContainerStatuses": [{"state": {"terminated": {}}}],
        "containerStatuses": [{"state": {"waiting": {"reason": "ImagePullBackOff"}}}],
    }
    objects[3]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"

    state = one(*objects, *surroundings())

    assert isinstance(state.workload, Workload)
    assert (state.workload.replicas, state.workload.ready_replicas) == (1, 1)
    assert state.workload.service_account == "pm-rstudio-pm"
    assert not isinstance(state.pods, Unseen)
    (pod,) = state.pods
    assert (pod.phase, pod.ready, pod.deleting, pod.node) == ("Pending", False, True, "node-1")
    assert (pod.waiting_reason, pod.claims) == ("ImagePullBackOff", ("pm-rstudio-pm-shared-storage",))


def test_a_rollout_that_is_stuck_is_not_taken_for_the_old_pod_that_is_ready() -> None:
    objects = release("rstudio-pm")
    healthy = one(*objects, facets=frozenset({Facet.WORKLOAD})).workload
    objects[0]["spec"]["strategy"] = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "100%"}}
    objects[0]["status"] |= {
        "replicas": 2,
        "conditions": [
            {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable"},
            {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"},
        ],
    }
    stuck = one(*objects, facets=frozenset({Facet.WORKLOAD})).workload

    assert isinstance(healthy, Workload)
    assert isinstance(stuck, Workload)
    assert (healthy.unfinished, healthy.halted) == ("", {})
    assert stuck.strategy["rollingUpdate"] == {"maxSurge": "100%"}
    assert (stuck.unfinished, stuck.halted) == (
        "1 old replicas still to go",
        {"FailedCreate": "FailedCreate: exceeded quota"},
    )


def test_a_deployment_that_goes_away_meanwhile_is_absent() -> None:
    reader = FakeReader(*release("rstudio-pm"))
    real = reader.get
    reader.get = lambda resource, namespace, name: real(  # type: ignore[method-assign]
        resource, namespace, "gone" if resource.kind == "Deployment" else name
    )

    (state,) = scan(reader).releases

    assert (state.workload, state.claims, state.ownership) == (None, (), ())


# -- storage


def test_claims_lead_to_volumes_classes_and_drivers() -> None:
    state = one(*release("rstudio-pm"), *surroundings())

    assert not isinstance(state.claims, Unseen)
    assert not isinstance(state.volumes, Unseen)
    (claim,), (volume,) = state.claims, state.volumes
    assert (claim.ref.name, claim.mount_path, claim.phase) == (
        "pm-rstudio-pm-shared-storage",
        "/var/lib/rstudio-pm",
        "Bound",
    )
    assert (claim.access_modes, claim.exists, volume.claim) == (("ReadWriteMany",), True, claim.ref.name)
    assert volume.spec["mountOptions"] == ["uid=999", "password=<withheld>"]
    assert state.storage_classes == {
        "files": {
            "kind": "StorageClass",
            "provisioner": "smb.csi.k8s.io",
            "parameters": {"source": "//server/share"},
        }
    }
    assert state.csi_drivers == {"smb.csi.k8s.io": {"fsGroupPolicy": "ReadWriteOnceWithFSType"}}


def test_storage_is_known_by_the_catalog_that_was_asked_for(tmp_path: Path) -> None:
    """--catalog FILE adds rows, and those are asked first."""
    file = tmp_path / "ours.yaml"
    file.write_text(
        "storage: [{id: ours, title: Our NAS, drivers: [smb.csi.k8s.io], ownership: chown-ok, fs_group: applied,"
        " why: Samba maps users, instead: nothing, source: 'https://example.com/nas'}]\n"
    )
    reader = FakeReader(*release("rstudio-pm"), *surroundings())
    rows = []
    for catalog in (load(), load([file])):
        asked = Upgrades(versions={}, catalog=catalog)
        facets = frozenset({Facet.VOLUMES})
        (state,) = take(reader, Scope(current="posit"), facets, ProbeMode.OFF, asked).releases  # type: ignore[arg-type]
        assert not isinstance(state.volumes, Unseen)
        rows += [volume.row.id for volume in state.volumes if volume.row]
    assert rows == ["smb-csi", "ours"]


def test_attributes_that_may_be_passwords_are_withheld_and_references_are_not() -> None:
    objects = release("rstudio-pm")
    volume = next(one for one in objects if one["kind"] == "PersistentVolume")
    volume["spec"]["csi"] |= {
        "nodeStageSecretRef": {"name": "smb", "namespace": "posit"},
        "volumeAttributes": {"source": "//x", "accountKey": CANARY, "secretName": "azure"},
    }

    state = one(*objects, *surroundings())

    assert not isinstance(state.volumes, Unseen)
    assert state.volumes[0].spec["csi"] == {
        "driver": "smb.csi.k8s.io",
        "nodeStageSecretRef": {"name": "smb", "namespace": "posit"},
        "volumeAttributes": {"source": "//x", "accountKey": "<withheld>", "secretName": "azure"},
    }


def test_a_claim_that_is_mounted_and_missing_is_said_to_be_missing() -> None:
    objects = [each for each in release("rstudio-pm") if each["kind"] != "PersistentVolumeClaim"]

    state = one(*objects)

    assert not isinstance(state.claims, Unseen)
    assert [(claim.ref.name, claim.exists) for claim in state.claims] == [("pm-rstudio-pm-shared-storage", False)]
    assert state.volumes == ()


@pytest.mark.parametrize(
    ("storage", "name"),
    [({"create": True}, "pm-rstudio-pm-shared-storage"), ({"mount": True, "name": "mine"}, "mine"), ({}, None)],
)
def test_a_claim_that_only_the_values_ask_for_is_looked_for(storage: Json, name: str | None) -> None:
    objects = release("rstudio-pm", values={"sharedStorage": storage | {"path": "/data"}})
    objects[0]["spec"]["template"]["spec"]["volumes"] = []
    objects = [each for each in objects if each["kind"] != "PersistentVolumeClaim"]

    state = one(*objects)

    assert not isinstance(state.claims, Unseen)
    expected = [(name, "/data", False)] if name else []
    assert [(claim.ref.name, claim.mount_path, claim.exists) for claim in state.claims] == expected


def test_a_claim_below_the_configured_data_directory_counts_and_others_do_not() -> None:
    objects = release("rstudio-pm", data="/srv/pm")
    objects[1]["data"]["rstudio-pm.gcfg"] = "[Server]\nDataDir = /srv/pm\n"
    spec = objects[0]["spec"]["template"]["spec"]
    for name, path in (("cran", "/srv/pm/cran"), ("logs", "/srv/pm-logs"), ("scratch", "/tmp")):
        spec["volumes"].append({"name": name, "persistentVolumeClaim": {"claimName": name}})
        spec["containers"][0]["volumeMounts"].append({"name": name, "mountPath": path, "subPath": "s"})

    state = one(*objects, *surroundings())

    assert not isinstance(state.claims, Unseen)
    assert [(claim.ref.name, claim.mount_path, claim.sub_path) for claim in state.claims] == [
        ("pm-rstudio-pm-shared-storage", "/srv/pm", ""),
        ("cran", "/srv/pm/cran", "s"),
    ]


def storage(gcfg: str, volume: Json, *mounts: Json, refused: tuple[str, str] | None = None) -> ReleaseState:
    """Package Manager with its data on `volume`, called mine and mounted by `mounts`."""
    objects = release("rstudio-pm")
    objects[1]["data"]["rstudio-pm.gcfg"] = gcfg
    for spec in (objects[0]["spec"]["template"]["spec"], objects[3]["spec"]):
        spec["volumes"][1] = {"name": "mine"} | volume
        spec["containers"][0]["volumeMounts"][1:] = [{"name": "mine"} | mount for mount in mounts]
    reader = FakeReader(*objects)
    reader.refused |= {refused} if refused else set()
    (state,) = scan(reader, frozenset({Facet.CLAIMS, Facet.OWNERSHIP})).releases
    return state


CLAIM = {"persistentVolumeClaim": {"claimName": "pm-rstudio-pm-shared-storage"}}


@pytest.mark.parametrize("kind", ["nfs", "hostPath", "csi", "ephemeral"])
def test_data_on_another_volume_than_a_claims_are_not_seen(kind: str) -> None:
    state = storage("", {kind: {}}, {"mountPath": "/var/lib/rstudio-pm"})
    for facet in (state.claims, state.ownership):
        assert isinstance(facet, Unseen)
        assert f"/var/lib/rstudio-pm on a volume of kind {kind}, not on a claim" in facet.reason
        assert "ls -ln /var/lib/rstudio-pm" in facet.how


def test_a_volume_that_dies_with_the_pod_has_no_claim() -> None:
    assert storage("", {"emptyDir": {}}, {"mountPath": "/var/lib/rstudio-pm"}).claims == ()


@pytest.mark.parametrize(
    ("mount", "sub_path"), [("/srv", "pm/data"), ("/srv/pm/", "data"), ("/", "srv/pm/data"), ("/srv/pm/data", "")]
)
def test_of_a_claim_that_is_mounted_above_the_data_directory_that_directory_counts(mount: str, sub_path: str) -> None:
    state = storage("[Server]\nDataDir = /srv/pm/data\n", CLAIM, {"mountPath": mount})
    assert not isinstance(state.claims, Unseen)
    assert [(claim.mount_path, claim.sub_path) for claim in state.claims] == [("/srv/pm/data", sub_path)]


def test_of_two_mounts_above_the_data_directory_the_nearest_counts() -> None:
    mounts = ({"mountPath": "/srv", "subPath": "far"}, {"mountPath": "/srv/pm", "subPath": "near"})
    state = storage("[Server]\nDataDir = /srv/pm/data\n", CLAIM, *mounts)
    assert not isinstance(state.claims, Unseen)
    assert [claim.sub_path for claim in state.claims] == ["near/data"]


def test_where_nobody_may_see_the_data_directory_its_claims_are_not_seen() -> None:
    state = storage("[Server]\nDataDir = /srv\n", CLAIM, {"mountPath": "/srv"}, refused=("get", "configmaps"))
    assert isinstance(state.claims, Unseen)
    assert "may not get configmaps" in state.claims.reason


def test_where_no_claim_is_mounted_and_nobody_may_see_the_values_claims_are_not_seen() -> None:
    state = storage("", {"emptyDir": {}}, {"mountPath": "/tmp"}, refused=("get", "secrets"))
    assert isinstance(state.claims, Unseen)


def test_two_directories_of_one_claim_are_not_told_for_one() -> None:
    mounts = ({"mountPath": "/var/lib/rstudio-pm", "subPath": "a"}, {"mountPath": "/var/lib/rstudio-pm/b"})
    for sub_path, problem in (("b", True), ("a/b", False)):
        state = storage("", CLAIM, mounts[0], mounts[1] | {"subPath": sub_path})
        assert not isinstance(state.ownership, Unseen)
        (probe,) = state.ownership
        assert probe.problem is not None
        assert ("/var/lib/rstudio-pm and /var/lib/rstudio-pm/b" in probe.problem.reason) is problem


# -- licenses


def test_license_secrets_are_shapes() -> None:
    state = one(*release("rstudio-pm"), *surroundings())

    assert state.license_secrets == (
        LicenseSecret(
            ref=ObjectRef("Secret", "posit", "pm-rstudio-pm-license"),
            source="key",
            key="rstudio-pm",
            exists=True,
            keys=(SecretKey(name="rstudio-pm", empty=False, surrounding_whitespace=True),),
        ),
        LicenseSecret(
            ref=ObjectRef("Secret", "posit", "our-license"),
            source="file",
            key="mine.lic",
            exists=True,
            keys=(
                SecretKey(name="mine.lic", empty=False, surrounding_whitespace=False),
                SecretKey(name="other", empty=True, surrounding_whitespace=False),
            ),
        ),
    )


def test_a_license_file_without_its_variable_is_the_volumes_with_the_key_of_the_values() -> None:
    objects = release("rstudio-pm", values={"license": {"file": {"secretKey": "from-values.lic"}}})
    spec = objects[0]["spec"]["template"]["spec"]
    spec["containers"][0]["env"] = []
    spec["volumes"][0]["secret"]["items"] = [{"key": "in-secret", "path": "from-values.lic"}]

    state = one(*objects, *surroundings())

    assert not isinstance(state.license_secrets, Unseen)
    assert [(secret.source, secret.key) for secret in state.license_secrets] == [("file", "in-secret")]


def test_a_license_secret_that_is_missing_is_said_to_be_missing() -> None:
    objects = [each for each in release("rstudio-pm") if each["metadata"]["name"] != "our-license"]

    state = one(*objects, *surroundings())

    assert not isinstance(state.license_secrets, Unseen)
    assert [secret.exists for secret in state.license_secrets] == [True, False]


def licensed(volume: Json, *, path: str = "/etc/lic/license.lic", mount: Json | None = None, **server: Any) -> Any:
    """Of a Package Manager that takes its license from `volume` alone."""
    objects = release("rstudio-pm")
    spec = objects[0]["spec"]["template"]["spec"]
    environment = [{"name": "RSPM_LICENSE_FILE_PATH", "value": path}] if path else []
    spec["containers"][0] |= {"env": environment, **server}
    spec["containers"][0]["volumeMounts"] = [{"name": "lic", "mountPath": "/etc/lic", **(mount or {})}]
    spec["volumes"] = [{"name": "lic"} | volume]
    found = one(*objects, facets=frozenset({Facet.LICENSE_SECRETS})).license_secrets
    return found if isinstance(found, Unseen) else [(one.ref.name, one.key) for one in found]


SECRET = {"secret": {"secretName": "s"}}
AT_ONCE = {"mountPath": "/etc/lic/license.lic", "subPath": "mine.lic"}
RENAMED = {"items": [{"key": "mine.lic", "path": "license.lic"}]}


@pytest.mark.parametrize(
    ("volume", "mount", "key"),
    [
        (SECRET, None, "license.lic"),
        (SECRET, AT_ONCE, "mine.lic"),
        ({"secret": {"secretName": "s"} | RENAMED}, None, "mine.lic"),
        ({"projected": {"sources": [{"configMap": {"name": "c"}}, {"secret": {"name": "s"}}]}}, None, "license.lic"),
        (
            {"projected": {"sources": [{"secret": {"name": "other"}}, {"secret": {"name": "s"} | RENAMED}]}},
            None,
            "mine.lic",
        ),
    ],
)
def test_a_license_file_is_followed_to_its_secret_and_key(volume: Json, mount: Json | None, key: str) -> None:
    assert licensed(volume, mount=mount) == [("s", key)]


def test_a_license_file_below_a_folder_of_the_volume_is_not_looked_for_by_its_name_alone() -> None:
    nested = {"secret": {"secretName": "s", "items": [{"key": "mine.lic", "path": "pm/license.lic"}]}}
    assert licensed(nested, path="/etc/lic/pm/license.lic") == [("s", "mine.lic")]


@pytest.mark.parametrize(
    "volume",
    [
        {"csi": {"driver": "secrets-store.csi.k8s.io"}},
        {"projected": {"sources": [{"secret": {"name": "a"}}, {"secret": {"name": "b"}}]}},
        {"configMap": {"name": "c"}},
    ],
)
def test_a_license_file_from_elsewhere_is_not_seen(volume: Json) -> None:
    found = licensed(volume)
    assert isinstance(found, Unseen)
    assert f"volume lic ({next(iter(volume))})" in found.reason


def test_a_license_that_whole_objects_may_hold_is_not_seen_unless_one_is_named() -> None:
    whole = [{"secretRef": {"name": "all"}}]
    found = licensed({"emptyDir": {}}, path="", envFrom=whole)
    assert isinstance(found, Unseen)
    assert "the objects in envFrom" in found.reason
    assert licensed(SECRET, envFrom=whole) == [("s", "license.lic")]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"license": {"key": CANARY}}, [("key", "pm-rstudio-pm-license", "rstudio-pm")]),
        ({"license": {"file": {"secret": "s", "secretKey": "k"}}}, [("file", "s", "k")]),
        ({"license": {"file": {"contents": CANARY}}}, [("file", "pm-rstudio-pm-license-file", "license.lic")]),
        ({}, []),
        ({"license": None}, []),
    ],
)
def test_without_a_deployment_the_values_name_the_secrets(values: Json, expected: list[tuple[str, str, str]]) -> None:
    state = one(helm_secret("pm", "rstudio-pm", "0.20.4", status="failed", values=values))

    assert not isinstance(state.license_secrets, Unseen)
    assert [(one.source, one.ref.name, one.key) for one in state.license_secrets] == expected


# -- content


def content_of(*jobs: Json, gcfg: str = "", values: Any = None, **config: str) -> Content:
    objects = release("rstudio-connect", values=values)
    objects[1]["data"] |= config
    if gcfg:
        objects[1]["data"]["rstudio-connect.gcfg"] = gcfg
    state = one(*objects, *surroundings(), *jobs)
    assert isinstance(state.content, Content)
    return state.content


def uses(content: Content) -> list[tuple[str, str]]:
    return [(use.account, use.evidence) for use in content.uses]


def test_where_nothing_names_an_account_content_gets_the_default() -> None:
    content = content_of()

    assert (content.mode, content.namespace, content.jobs) == ("direct", "content", 0)
    assert uses(content) == [("default", "content pods get the namespace default")]


def test_the_direct_runner_takes_its_account_from_values_and_job_base() -> None:
    base = {"spec": {"template": {"spec": {"serviceAccountName": "runner"}}}}

    content = content_of(
        values={"backends": {"kubernetes": {"defaultResourceJobBase": base}}},
        **{"job.yaml": "spec: {template: {spec: {serviceAccountName: runner}}}"},
    )

    assert uses(content) == [
        ("runner", "values backends.kubernetes.defaultResourceJobBase.spec.template.spec.serviceAccountName"),
        ("runner", "ConfigMap posit/connect-rstudio-connect-config job.yaml"),
    ]


LAUNCHER = "[Launcher]\nEnabled = true\nKubernetesNamespace = content\n"


def test_the_launcher_takes_its_account_from_values_configuration_and_templates() -> None:
    templates = body(
        "ConfigMap",
        "connect-rstudio-connect-templates",
        data={
            "rstudio-library-templates-data.tpl": '{{- define "rstudio-library.templates.data" -}}\n'
            '{"job": {"a": {}}, "pod": {"serviceAccountName": "from-template", "env": [{}]}}\n{{- end -}}'
        },
    )

    content = content_of(
        templates,
        gcfg=LAUNCHER + "KubernetesDefaultServiceAccount = from-gcfg\n",
        values={"launcher": {"templateValues": {"pod": {"serviceAccountName": "from-values"}}}},
    )

    assert (content.mode, content.namespace) == ("launcher", "content")
    assert uses(content) == [
        ("from-values", "values launcher.templateValues.pod.serviceAccountName"),
        ("from-gcfg", "ConfigMap posit/connect-rstudio-connect-config [Launcher] KubernetesDefaultServiceAccount"),
        (
            "from-template",
            "ConfigMap posit/connect-rstudio-connect-templates rstudio-library-templates-data.tpl",
        ),
    ]


def test_launcher_templates_that_are_not_the_charts_make_the_account_unknown() -> None:
    objects = release("rstudio-connect")
    objects[1]["data"]["rstudio-connect.gcfg"] = LAUNCHER
    data = {"rstudio-library-templates-data.tpl": "{{ .Mine }} {"}
    objects.append(body("ConfigMap", "connect-rstudio-connect-templates", data=data))

    state = one(*objects, *surroundings())

    assert isinstance(state.content, Unseen)
    assert "not the JSON that the chart writes" in state.content.reason


def test_jobs_and_pods_that_exist_tell_their_accounts() -> None:
    label = {"labels": {"app.kubernetes.io/managed-by": "launcher"}}
    launched = content_job("launched", "old", container="rs-launcher-container")
    launched["metadata"] |= label
    pod_spec = launched["spec"]["template"]["spec"]
    pod = body("Pod", "launched-xyz", "content", metadata=label, spec=pod_spec)
    foreign = content_job("foreign", "theirs", container="etl")

    objects = (content_job("a", "data"), content_job("b", "data"), content_job("c"), launched, pod, foreign)
    content = content_of(*objects, gcfg=LAUNCHER)

    assert content.jobs == 5
    assert content_of(*objects).jobs == 4  # the direct runner starts no pod but by a Job
    assert uses(content)[1:] == [
        ("data", "Job content/a and 1 more"),
        ("default", "Job content/c"),
        ("old", "Job content/launched and 1 more"),
    ]


def test_content_of_another_connect_in_the_same_namespace_does_not_count() -> None:
    own = content_job("own", "mine", claim="connect-rstudio-connect-shared-storage")
    other = content_job("other", "theirs", claim="another-connect-shared-storage")

    session = content_job("session", "workbench", claim="", container="rs-launcher-container")
    session["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "launcher"}

    assert uses(content_of(own, other, session))[1:] == [("mine", "Job content/own")]
    bare = content_job("bare", "also-mine", claim="", container="connect-content")
    assert uses(content_of(own, bare, session))[1:] == [("also-mine", "Job content/bare"), ("mine", "Job content/own")]


def test_an_account_is_told_of_content_that_has_ended_only_where_none_runs() -> None:
    ended = {"status": {"conditions": [{"type": "Complete", "status": "True"}]}}
    past, mine = content_job("a-past", "mine") | ended, content_job("own", "mine")

    assert [use.ended for use in content_of(content_job("past", "gone") | ended).uses] == [False, True]
    assert [(use.evidence, use.ended) for use in content_of(past, mine).uses[1:]] == [
        ("Job content/own and 1 more", False)
    ]


def test_foreign_jobs_are_never_fetched_and_many_of_ours_in_one_list() -> None:
    def asked(ours: int) -> tuple[int, int]:
        jobs = [content_job(f"ours-{number}", "a") for number in range(ours)]
        jobs += [content_job(f"foreign-{number}", container="etl") for number in range(500)]
        reader = FakeReader(*release("rstudio-connect"), *surroundings(), *jobs)
        (state,) = scan(reader, frozenset({Facet.CONTENT})).releases
        assert isinstance(state.content, Content)
        assert state.content.jobs == ours
        return len(reader.asked("get", "jobs")), len(reader.asked("list", "jobs"))

    assert asked(3) == (3, 1)
    assert asked(100) == (0, 2)


@pytest.mark.parametrize("gcfg", ["[Server]\nAddress = x\n", "[Kubernetes]\n[Launcher]\nEnabled = false\n"])
def test_local_content_runs_as_nobody_else(gcfg: str) -> None:
    content = content_of(content_job("a", "data"), gcfg=gcfg)

    assert (content.mode, content.namespace, content.uses) == ("local", "posit", ())


def test_package_manager_has_no_content() -> None:
    assert one(*release("rstudio-pm"), *surroundings()).content is None


# -- accounts, bindings, hooks


def test_accounts_and_bindings_are_those_of_release_and_content() -> None:
    state = one(*release("rstudio-connect"), *surroundings(), body("ServiceAccount", "foreign", "elsewhere"))

    assert not isinstance(state.service_accounts, Unseen)
    assert not isinstance(state.role_bindings, Unseen)
    assert [str(account.ref) for account in state.service_accounts] == [
        "ServiceAccount posit/connect-rstudio-connect",
        "ServiceAccount content/default",
    ]
    (binding,) = state.role_bindings
    assert (binding.role, binding.accounts) == ("connect-rstudio-connect", (("posit", "connect-rstudio-connect"),))


@pytest.mark.parametrize(
    ("entries", "last"),
    [
        ([], ""),
        ([{"manager": "x"}, {"time": "2026-01-01T00:00:00Z"}], ""),
        (
            [
                {"manager": "templates", "operation": "Apply", "time": "2026-02-01T00:00:00Z"},
                {"manager": "kubectl-create", "operation": "Update", "time": "2026-01-01T00:00:00Z"},
            ],
            "templates (Apply, 2026-02-01T00:00:00Z)",
        ),
    ],
)
def test_the_manager_that_wrote_an_account_last_is_known(entries: list[dict[str, str]], last: str) -> None:
    account = body("ServiceAccount", "written", metadata={"managedFields": entries})
    state = one(*release("rstudio-connect"), *surroundings(), account)
    assert not isinstance(state.service_accounts, Unseen)
    assert {a.ref.name: a.last_manager for a in state.service_accounts}["written"] == last


def test_content_is_looked_at_where_it_runs_though_only_the_releases_namespace_is_searched() -> None:
    """So `--namespace` of a fix need not name the content's."""
    reader = FakeReader(*release("rstudio-connect"), *surroundings(), content_job("report"))

    snapshot = take(reader, Scope(namespaces=("posit",)), ALL, ProbeMode.AUTO)  # type: ignore[arg-type]

    (state,) = snapshot.releases
    assert isinstance(state.content, Content)
    assert (state.content.namespace, state.content.jobs) == ("content", 1)
    assert "ServiceAccount content/default" in [str(account.ref) for account in state.service_accounts]
    assert not unseen(state)
    assert snapshot.blind == ()


@pytest.mark.parametrize(("status", "ended"), [("True", "Failed"), ("False", "")])
def test_a_hook_has_failed_where_its_condition_says_so(status: str, ended: str) -> None:
    conditions = [{"type": "Suspended", "status": "True"}, {"type": "Failed", "status": status}]
    name = "pm-rstudio-pm-chown-shared-storage"
    job = body("Job", name, spec={}, status={"failed": 1, "conditions": conditions})

    state = one(*release("rstudio-pm"), job, facets=frozenset({Facet.HOOK_JOBS}))

    assert not isinstance(state.hook_jobs, Unseen)
    assert [hook.ended for hook in state.hook_jobs] == [ended]


def test_a_hook_that_hangs_is_told_with_what_its_pod_waits_for() -> None:
    name = "pm-rstudio-pm-chown-shared-storage"
    job = body("Job", name, spec={}, status={"active": 1})
    waiting = {"containerStatuses": [{"state": {"waiting": {"reason": "ErrImagePull"}}}]}
    pods = [
        body("Pod", f"hook-{number}", metadata={"labels": {"job-name": name}}, spec={"containers": []}, status=status)
        for number, status in enumerate(({}, waiting))
    ]

    state = one(*release("rstudio-pm"), *surroundings(), job, *pods)

    assert state.hook_jobs == (
        HookJob(ref=ObjectRef("Job", "posit", name), active=1, failed=0, succeeded=0, waiting_reason="ErrImagePull"),
    )
