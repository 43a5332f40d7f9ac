"""Every release is found, whoever installed it; what was not searched is said; a large cluster costs no more."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.errors import Forbidden, NotFound, Unauthorized, Unavailable
from auditor.inventory import take
from auditor.inventory.asking import Asker
from auditor.inventory.releases import fullname
from auditor.model.helm import HelmRecord, HelmStatus
from auditor.model.kubernetes import CONFIG_MAPS, SECRETS
from auditor.model.product import Product
from auditor.model.scope import ProbeMode, Scope
from auditor.model.seen import Unseen
from auditor.model.snapshot import Facet, Snapshot
from tests.inventory.fake import FakeReader, body, helm_secret
from tests.inventory.releases import CANARY, release

EVERYWHERE = Scope(current="posit")
FEW = frozenset({Facet.HELM, Facet.CHART_VERSION, Facet.CONFIG})


def scan(reader: FakeReader, scope: Scope = EVERYWHERE, facets: frozenset[Facet] = FEW) -> Snapshot:
    return take(reader, scope, facets, ProbeMode.OFF)  # type: ignore[arg-type]


def names(snapshot: Snapshot) -> list[str]:
    return [f"{one.ref} {one.product} {one.fullname}" for one in snapshot.releases]


def test_finds_both_products_by_helm_with_their_versions() -> None:
    snapshot = scan(FakeReader(*release("rstudio-connect"), *release("rstudio-pm")))

    assert names(snapshot) == [
        "posit/connect rstudio-connect connect-rstudio-connect",
        "posit/pm rstudio-pm pm-rstudio-pm",
    ]
    assert [one.chart_version for one in snapshot.releases] == ["0.21.0", "0.20.4"]
    assert [one.product_version for one in snapshot.releases] == ["2026.08.0", "2026.08.0"]
    assert isinstance(snapshot.releases[0].helm, HelmRecord)
    assert (snapshot.context, snapshot.namespaces, snapshot.blind) == ("test", (), ())


def test_finds_what_argo_cd_installed_and_reads_its_chart_version_from_the_service() -> None:
    (found,) = scan(FakeReader(*release("rstudio-pm", helm=False))).releases

    assert (str(found.ref), found.helm, found.chart_version) == ("posit/pm", None, "0.20.4")


def test_a_leftover_record_of_another_installer_is_not_taken_for_helms() -> None:
    """Only the release that the ConfigMap's annotation or the selector names is looked up."""
    reader = FakeReader(*release("rstudio-pm", helm=False), helm_secret("other", "rstudio-pm", "0.1.0"))

    (found,) = scan(reader).releases

    assert found.helm is None
    assert reader.asked("get", "secrets") == []


@pytest.mark.parametrize(
    "marks",
    [
        {"annotations": {"argocd.argoproj.io/tracking-id": "pm:/ConfigMap:posit/pm-rstudio-pm-config"}},
        {"labels": {"app.kubernetes.io/instance": "pm"}},
    ],
)
def test_a_record_of_before_argo_cd_took_over_does_not_count(marks: dict[str, dict[str, str]]) -> None:
    objects = release("rstudio-pm")
    metadata = objects[1]["metadata"]
    for kind, own in marks.items():
        metadata[kind] = metadata.get(kind, {}) | own

    (found,) = scan(FakeReader(*objects)).releases

    assert (str(found.ref), found.helm, found.chart_version) == ("posit/pm", None, "0.20.4")


@pytest.mark.parametrize(("by_helm", "status"), [(False, "uninstalled"), (False, "deployed"), (True, "uninstalled")])
def test_the_record_of_what_was_uninstalled_and_applied_anew_does_not_count(by_helm: bool, status: str) -> None:
    objects = [each for each in release("rstudio-pm", helm=by_helm) if each.get("type") != "helm.sh/release.v1"]
    reader = FakeReader(*objects, helm_secret("pm", "rstudio-pm", "0.4.0", status=status))

    (found,) = scan(reader).releases

    assert (found.helm, found.chart_version) == (None, "0.20.4")


def test_a_record_counts_where_nobody_may_see_whose_the_configuration_is() -> None:
    reader = FakeReader(*release("rstudio-pm"))
    reader.refused.add(("get", "configmaps"))

    (found,) = scan(reader).releases

    assert isinstance(found.helm, HelmRecord)


@pytest.mark.parametrize(
    ("fullname", "chart_label"), [("anything", ""), ("pm-nickname", "nickname"), ("x" * 63, "nickname")]
)
def test_follows_name_overrides(fullname: str, chart_label: str) -> None:
    reader = FakeReader(*release("rstudio-pm", fullname=fullname, chart_label=chart_label))

    assert names(scan(reader)) == [f"posit/pm rstudio-pm {fullname}"]


def test_tells_apart_two_releases_in_a_namespace_and_one_name_in_two() -> None:
    reader = FakeReader(
        *release("rstudio-pm", "a"), *release("rstudio-pm", "b"), *release("rstudio-pm", "a", namespace="else")
    )

    snapshot = scan(reader)

    assert [str(one.ref) for one in snapshot.releases] == ["else/a", "posit/a", "posit/b"]
    assert all(isinstance(one.helm, HelmRecord) for one in snapshot.releases)


def test_only_the_newest_revision_counts_and_no_other_is_read() -> None:
    reader = FakeReader(
        *release("rstudio-pm"),
        helm_secret("pm", "rstudio-pm", "0.5.29", revision=10, status="failed"),
        helm_secret("pm", "rstudio-pm", "0.3.9", revision=9, status="superseded"),
    )

    (found,) = scan(reader).releases

    assert isinstance(found.helm, HelmRecord)
    assert (found.helm.revision, found.helm.status, found.chart_version) == (10, HelmStatus.FAILED, "0.5.29")
    assert reader.asked("get", "secrets") == ["sh.helm.release.v1.pm.v10"]


@pytest.mark.parametrize("status", ["failed", "pending-install", "pending-upgrade", "pending-rollback", "uninstalling"])
def test_finds_a_release_that_never_got_its_deployment(status: str) -> None:
    values = {"nameOverride": "posit"}
    reader = FakeReader(helm_secret("rel", "rstudio-pm", "0.20.4", status=status, values=values))

    (found,) = scan(reader, facets=frozenset(Facet)).releases

    assert (str(found.ref), found.fullname, found.workload, found.pods) == ("posit/rel", "rel-posit", None, ())
    assert isinstance(found.helm, HelmRecord)
    assert found.helm.status == status
    assert isinstance(found.product_version, Unseen)


@pytest.mark.parametrize("before", ["deployed", "superseded"])
def test_what_failed_after_it_was_deployed_once_is_read_only_where_its_deployment_is_ours(before: str) -> None:
    reader = FakeReader(
        helm_secret("theirs", "other", "2", revision=2, status="failed"),
        helm_secret("theirs", "other", "1", status=before),
    )
    assert scan(reader).releases == ()
    assert reader.asked("get", "secrets") == []


def test_finds_an_uninstall_that_is_stuck_whatever_was_before() -> None:
    uninstalling = helm_secret("rel", "rstudio-pm", "0.20.4", revision=2, status="uninstalling")
    reader = FakeReader(uninstalling, helm_secret("rel", "rstudio-pm", "0.20.4", status="superseded"))
    assert names(scan(reader)) == ["posit/rel rstudio-pm rel-rstudio-pm"]


@pytest.mark.parametrize(
    ("release_name", "values", "expected"),
    [
        ("rel", {}, "rel-rstudio-pm"),
        ("my-rstudio-pm-2", {}, "my-rstudio-pm-2"),
        ("rel", {"nameOverride": "rel"}, "rel"),
        ("rel", {"fullnameOverride": "mine", "nameOverride": "x"}, "mine"),
        ("r" * 53, {"nameOverride": "12345678-0"}, "r" * 53 + "-12345678"),
    ],
)
def test_names_objects_as_the_chart_does(release_name: str, values: dict[str, str], expected: str) -> None:
    assert fullname(Product.PACKAGE_MANAGER, release_name, values) == expected


def test_a_chart_version_with_build_metadata_is_read_back_from_its_label() -> None:
    objects = release("rstudio-pm", helm=False)
    objects[2]["metadata"]["labels"]["helm.sh/chart"] = "rstudio-pm-0.20.4_mirror.1"

    assert scan(FakeReader(*objects)).releases[0].chart_version == "0.20.4+mirror.1"


def test_a_chart_version_that_is_none_is_unseen() -> None:
    """What is no version has no place among those that facts are known for."""
    objects = release("rstudio-pm", helm=False)
    objects[2]["metadata"]["labels"]["helm.sh/chart"] = "rstudio-pm-main"

    version = scan(FakeReader(*objects)).releases[0].chart_version

    assert isinstance(version, Unseen)
    assert "main" in version.reason


@pytest.mark.parametrize("label", ["", "rstudio-connect-0.21.0", "rstudio-pm"])
def test_a_service_that_does_not_tell_the_chart_leaves_its_version_unseen(label: str) -> None:
    objects = release("rstudio-pm", helm=False)
    objects[2]["metadata"]["labels"] = {"helm.sh/chart": label}

    version = scan(FakeReader(*objects)).releases[0].chart_version

    assert isinstance(version, Unseen)
    assert "no label helm.sh/chart" in version.reason


def test_keeps_nothing_of_other_peoples_releases() -> None:
    secret = {"password": CANARY}
    reader = FakeReader(
        helm_secret("stuck", "postgresql", "16.1.0", status="failed", values=secret),
        helm_secret("fine", "postgresql", "16.1.0", values=secret),
        helm_secret("gone", "rstudio-pm", "0.20.4", status="uninstalled"),
    )

    snapshot = scan(reader)

    assert (snapshot.releases, snapshot.blind) == ((), ())
    assert reader.asked("get", "secrets") == ["sh.helm.release.v1.stuck.v1"]


def test_a_stuck_release_that_cant_be_read_does_not_hide() -> None:
    broken = helm_secret("rel", "rstudio-pm", "0.20.4", status="failed")
    broken["data"] = {"release": "!!!"}

    snapshot = scan(FakeReader(broken))

    assert snapshot.releases == ()
    assert "Whether the failed release posit/rel is one of Posit's is not known" in snapshot.blind[0].reason


@pytest.mark.parametrize(("damage", "why"), [({"release": "!!!"}, "not base64"), ({}, "not JSON"), (None, "not JSON")])
def test_a_record_that_does_not_decode_leaves_the_rest_of_the_release_to_be_seen(damage: Any, why: str) -> None:
    objects = release("rstudio-pm")
    objects[-1]["data"] = damage

    (found,) = scan(FakeReader(*objects)).releases

    assert isinstance(found.helm, Unseen)
    assert why in found.helm.reason
    assert found.chart_version == "0.20.4"


def test_values_that_are_no_map_are_said_to_be_so() -> None:
    (found,) = scan(FakeReader(*release("rstudio-pm", values=[CANARY]))).releases

    assert isinstance(found.helm, Unseen)
    assert "config (the supplied values) is not a map" in found.helm.reason


def test_a_chart_that_brings_ours_as_a_dependency_is_not_taken_for_ours() -> None:
    objects = release("rstudio-pm")
    objects[-1] = helm_secret("pm", "platform", "1.2.3", values={"rstudio-pm": {}})

    (found,) = scan(FakeReader(*objects)).releases

    assert isinstance(found.helm, Unseen)
    assert "chart platform, which brings rstudio-pm" in found.helm.reason
    assert found.chart_version == "0.20.4"


def test_a_record_that_helm_keeps_elsewhere_is_unseen_not_absent() -> None:
    (found,) = scan(FakeReader(*release("rstudio-pm")[:-1])).releases

    assert isinstance(found.helm, Unseen)
    assert "HELM_DRIVER" in found.helm.how


def test_a_container_that_only_has_the_name_is_not_ours() -> None:
    spec = {"containers": [{"name": "connect", "image": "confluentinc/cp-kafka-connect:7.7.0"}]}
    kafka = body("Deployment", "kafka", spec={"selector": {}, "template": {"spec": spec}})

    snapshot = scan(FakeReader(kafka))

    assert (snapshot.releases, snapshot.blind) == ((), ())


def test_a_release_whose_configmap_is_gone_is_still_one() -> None:
    objects = [one for one in release("rstudio-pm") if one["kind"] != "ConfigMap"]

    (found,) = scan(FakeReader(*objects)).releases

    assert found.config is None
    assert isinstance(found.helm, HelmRecord)


def test_without_the_right_to_read_configmaps_labels_or_image_decide() -> None:
    spec = {"containers": [{"name": "rspm", "image": "internal/rspm:1"}]}
    nobody_knows = body("Deployment", "mine", spec={"selector": {}, "template": {"spec": spec}})
    charted = release("rstudio-pm")
    charted[0]["spec"]["template"]["spec"]["containers"][0]["image"] = "internal/rspm:1"
    reader = FakeReader(*charted, *release("rstudio-connect", chart_label="hub"), nobody_knows)
    reader.refused.add(("get", "configmaps"))

    snapshot = scan(reader)

    assert [str(one.ref) for one in snapshot.releases] == ["posit/connect", "posit/pm"]
    assert all(isinstance(one.config, Unseen) for one in snapshot.releases)
    (blind,) = snapshot.blind
    assert blind.reason.startswith("Whether Deployment posit/mine is Posit Package Manager is not known")


def test_where_all_namespaces_are_refused_the_current_one_is_searched_and_that_is_said() -> None:
    reader = FakeReader(*release("rstudio-pm"), *release("rstudio-pm", namespace="else"))
    reader.refused.update({("list", "deployments", ""), ("list", "secrets", "")})

    snapshot = scan(reader, Scope(current="posit"))

    assert [str(one.ref) for one in snapshot.releases] == ["posit/pm"]
    assert snapshot.namespaces == ("posit",)
    reason = "Other namespaces than posit were not searched: You may not list deployments"
    assert snapshot.blind[0].reason.startswith(reason)
    assert snapshot.blind[0].how.endswith("; or name others with -n")


def test_all_namespaces_insisted_on_are_all_or_none() -> None:
    reader = FakeReader(*release("rstudio-pm"))
    reader.refused.add(("list", "deployments", ""))

    with pytest.raises(Forbidden):
        scan(reader, Scope(current="posit", all_namespaces=True))


def test_named_namespaces_are_searched_and_no_other() -> None:
    reader = FakeReader(*(one for namespace in "abc" for one in release("rstudio-pm", namespace=namespace)))

    snapshot = scan(reader, Scope(namespaces=("c", "a", "c"), current="b"))

    assert [str(one.ref) for one in snapshot.releases] == ["a/pm", "c/pm"]
    assert snapshot.namespaces == ("c", "a")
    assert "" not in {namespace for verb, _, namespace, _ in reader.requests if verb == "list"}


def test_a_refusal_in_one_namespace_leaves_the_others_to_be_seen() -> None:
    reader = FakeReader(*(one for namespace in "ab" for one in release("rstudio-pm", namespace=namespace)))
    reader.objects.append(body("Namespace", "a", ""))
    reader.refused.update({("list", "deployments", "a"), ("list", "secrets", "a")})

    snapshot = scan(reader, Scope(namespaces=("a", "b"), current="b"))

    assert [str(one.ref) for one in snapshot.releases] == ["b/pm"]
    assert [blind.reason.partition(":")[0] for blind in snapshot.blind] == [
        "Namespace a was not searched",
        "A release that failed before it had a Deployment would not be found",
    ]


def test_without_the_right_to_list_secrets_releases_are_found_and_their_helm_facet_is_unseen() -> None:
    reader = FakeReader(*release("rstudio-pm"))
    reader.refused.add(("list", "secrets"))

    snapshot = scan(reader)

    assert isinstance(snapshot.releases[0].helm, Unseen)
    assert "may not list secrets" in snapshot.releases[0].helm.reason
    assert snapshot.releases[0].chart_version == "0.20.4"
    assert len(snapshot.blind) == 1


def test_where_secrets_may_be_listed_only_in_the_releases_namespace_their_record_is_read() -> None:
    reader = FakeReader(*release("rstudio-pm"))
    reader.refused.add(("list", "secrets", ""))

    snapshot = scan(reader)

    assert isinstance(snapshot.releases[0].helm, HelmRecord)
    assert len(snapshot.blind) == 1


def test_a_stuck_release_whose_deployment_may_only_be_got_is_seen_whole() -> None:
    reader = FakeReader(*release("rstudio-pm")[:-1], helm_secret("pm", "rstudio-pm", "0.20.4", status="failed"))
    reader.refused.add(("list", "deployments"))

    snapshot = scan(reader, facets=frozenset({Facet.PODS, Facet.WORKLOAD}))

    (found,) = snapshot.releases
    assert not isinstance(found.pods, Unseen)
    assert [pod.ref.name for pod in found.pods] == ["pm-rstudio-pm-0"]
    assert found.product_version == "2026.08.0"
    assert len(snapshot.blind) == 2


def test_a_secret_that_is_helms_by_type_alone_is_nobodys() -> None:
    nameless = helm_secret("pm", "rstudio-pm", "0.20.4", status="failed")
    nameless["metadata"]["labels"] = {"owner": "helm", "version": "latest"}

    assert scan(FakeReader(nameless)).releases == ()


def test_a_record_that_goes_away_meanwhile_is_unseen() -> None:
    reader = FakeReader(*release("rstudio-pm"))
    reader.failing["get", "secrets"] = NotFound("gone")

    (found,) = scan(reader).releases

    assert isinstance(found.helm, Unseen)
    assert "went away" in found.helm.reason


def test_a_misspelled_namespace_is_said_to_be_missing() -> None:
    reader = FakeReader(body("Namespace", "empty", ""))

    snapshot = scan(reader, Scope(namespaces=("empty", "typo"), current="x"))

    assert [blind.reason for blind in snapshot.blind] == ["There is no namespace typo."]


def test_a_misspelled_namespace_is_said_to_be_missing_beside_one_that_has_a_release() -> None:
    reader = FakeReader(*release("rstudio-pm"))

    snapshot = scan(reader, Scope(namespaces=("posit", "typo"), current="x"))

    assert len(snapshot.releases) == 1
    assert [blind.reason for blind in snapshot.blind] == ["There is no namespace typo."]


def test_no_right_to_read_namespaces_is_no_matter() -> None:
    reader = FakeReader()
    reader.refused.add(("get", "namespaces"))

    assert scan(reader, Scope(namespaces=("typo",), current="x")).blind == ()


def test_a_cluster_without_a_release_of_ours_is_an_empty_snapshot() -> None:
    snapshot = scan(FakeReader())

    assert (snapshot.releases, snapshot.blind) == ((), ())


@pytest.mark.parametrize("error", [Unauthorized("expired"), Unavailable("no answer")])
def test_what_would_fail_everywhere_ends_the_run(error: Any) -> None:
    reader = FakeReader(*release("rstudio-pm"))
    reader.failing["list", "deployments"] = error

    with pytest.raises(type(error)):
        scan(reader)


def test_credentials_that_expire_half_way_end_the_run() -> None:
    reader = FakeReader(*release("rstudio-pm"))
    reader.failing["get", "services"] = Unauthorized("expired")
    reader.refused.add(("list", "secrets"))

    with pytest.raises(Unauthorized):
        scan(reader)


def test_the_number_of_other_peoples_objects_costs_no_request() -> None:
    def cost(foreign: int) -> int:
        spec = {"containers": [{"name": "web", "image": "nginx"}]}
        others = [
            body("Deployment", f"web-{number}", spec={"selector": {}, "template": {"spec": spec}})
            for number in range(foreign)
        ]
        others += [helm_secret(f"web-{number}", "nginx", "1.0.0") for number in range(foreign)]
        reader = FakeReader(*release("rstudio-connect"), *others)
        scan(reader, facets=frozenset(Facet))
        return len(reader.requests)

    assert cost(300) == cost(0) < 30


def test_secrets_are_never_kept() -> None:
    reader = FakeReader(*release("rstudio-pm"))
    ask = Asker(reader)  # type: ignore[arg-type]

    for _ in range(2):
        ask.get(SECRETS, "posit", "our-license")
        ask.get(CONFIG_MAPS, "posit", "pm-rstudio-pm-config")

    assert (len(reader.asked("get", "secrets")), len(reader.asked("get", "configmaps"))) == (2, 1)
