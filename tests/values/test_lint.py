"""What lint says beside refusals: silent changes, keys without effect, where they stand, and how they are mended."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.catalog import Chart, load
from auditor.model.values import Lint, Mend, ValueFinding
from auditor.values.document import Document
from auditor.values.lint import judge, lint

STORAGE: dict[str, Any] = {"sharedStorage": {"create": True}}


def _by_key(result: Lint) -> dict[str, ValueFinding]:
    return {finding.key: finding for finding in result.findings}


def _ids(result: Lint, effect: str | None = None) -> set[str]:
    return {finding.id for finding in result.findings if effect in (None, finding.effect)}


HAZARDS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("gcfg-exponent", {"config": {"Server": {"Max": 1_000_000}}}, {"config": {"Server": {"Max": "1000000"}}}),
    ("gcfg-map", {"config": {"Server": {"Max": {"a": 1}}}}, {"config": {"Server": {"Max": ["a"]}}}),
    ("gcfg-comment", {"config": {"P": {"URL": "a#b"}}}, {"config": {"P": {"URL": '"a#b"'}}}),
    ("gcfg-line-break", {"config": {"P": {"URL": "a\nb"}}}, {"config": {"P": {"URL": "a\n"}}}),
    ("false-in-quotes", {"ingress": {"enabled": "false"}}, {"ingress": {"enabled": False}}),
    ("ports-differ", {"pod": {"port": 8080}}, {"pod": {"port": 3939}}),
    ("data-not-on-claim", {"sharedStorage": {"mount": True, "path": "/data"}}, {"sharedStorage": {"path": "/data"}}),
    ("product-older-than-chart", {"versionOverride": "2025.01.0"}, {"versionOverride": "2026.08.0"}),
    (
        "two-handlers-readinessprobe",
        {"readinessProbe": {"exec": {}}},
        {"readinessProbe": {"httpGet": None, "exec": {}}},
    ),
    ("license-sources-compete", {"license": {"key": "a", "server": "b"}}, {"license": {"key": "a"}}),
    ("connect-license-type", {"config": {"Licensing": {"LicenseType": "remote"}}}, {}),
    ("connect-affinity-unread", {"affinity": {"a": 1}}, {"pod": {"affinity": {"a": 1}}}),
    ("connect-pod-tolerations-unread", {"pod": {"tolerations": [{}]}}, {"tolerations": [{}]}),
    (
        "connect-init-os-unread-kubernetes",
        {"backends": {"kubernetes": {"defaultInitContainer": {"os": "jammy"}}}},
        {"image": {"os": "jammy"}},
    ),
    ("connect-prometheus-legacy-gone", {"prometheus": {"legacy": True}}, {"prometheus": {"enabled": True}}),
    ("connect-exporter-gone", {"prometheusExporter": {"enabled": True}}, {}),
    ("connect-resources-enabled", {"resources": {"enabled": True}}, {"resources": {"limits": {}}}),
    (
        "connect-launcher-settings-dropped",
        {"launcher": {"templateValues": {"pod": {"env": [{}]}}}},
        {"launcher": {"enabled": True, "templateValues": {}}},
    ),
    (
        "connect-launcher-settings-left",
        {"launcher": {"enabled": False, "templateValues": {"pod": {}}}},
        {"launcher": {"enabled": False}},
    ),
    ("connect-config-launcher-left", {"config": {"Launcher": {"DataDirPVCName": "x"}}}, {"config": {"Launcher": {}}}),
    (
        "connect-local-becomes-off-host",
        {"launcher": {"enabled": False}},
        {"launcher": {"enabled": False}, "backends": {"kubernetes": {"enabled": False}}},
    ),
    (
        "connect-local-cannot-sandbox",
        {"backends": {"kubernetes": {"enabled": False}}},
        {"backends": {"kubernetes": {"enabled": False}}, "securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}},
    ),
    ("connect-privileged-off-host", {"securityContext": {"privileged": True}}, {"securityContext": {}}),
    (
        "connect-content-namespace",
        {"backends": {"kubernetes": {"namespace": "content"}}},
        {"backends": {"kubernetes": {"namespace": "default"}}},
    ),
    (
        "connect-job-base-account",
        {
            "backends": {
                "kubernetes": {"defaultResourceJobBase": {"spec": {"template": {"spec": {"serviceAccountName": "a"}}}}}
            }
        },
        {},
    ),
    ("connect-role-by-hand", {"rbac": {"create": False}}, {"rbac": {"create": True}}),
    (
        "connect-repository-without-tag",
        {"image": {"repository": "registry.example.com/connect"}},
        {"image": {"repository": "registry.example.com/connect", "tag": "1"}},
    ),
    (
        "connect-old-image",
        {"image": {"repository": "ghcr.io/rstudio/rstudio-connect", "tag": "x"}},
        {"image": {"tag": "x"}},
    ),
    (
        "connect-python-not-in-image",
        {"config": {"Python": {"Executable": ["/opt/python/3.11.7/bin/python"]}}},
        {"config": {"Python": {"Executable": ["/opt/python/3.14.7/bin/python"]}}},
    ),
    ("connect-quarto-not-in-image", {"config": {"Quarto": {"Executable": "/opt/quarto/1/quarto"}}}, {}),
    ("connect-chronicle-agent-deprecated", {"chronicleAgent": {"enabled": True, "serverAddress": "x"}}, {}),
]
PM_HAZARDS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("pm-enable-migrations", {"enableMigrations": False}, {"enableMigration": False}),
    ("pm-account-labels-unread", {"serviceAccount": {"labels": {"a": "b"}}}, {"serviceAccount": {"labels": {}}}),
    (
        "pm-resources-off-limits",
        {"resources": {"limits": {"cpu": 1}}},
        {"resources": {"limits": {"cpu": 1, "enabled": True}}},
    ),
    ("pm-command-list", {"command": ["a", "b"]}, {"command": "[a, b]"}),
    ("pm-nodeport-unread", {"nodePort": 30000}, {"service": {"nodePort": 30000, "type": "NodePort"}}),
    ("pm-pod-account", {"pod": {"serviceAccountName": "a"}}, {"serviceAccount": {"name": "a"}}),
    ("pm-image-pull-policy", {"image": {"pullPolicy": "Always"}}, {"image": {"imagePullPolicy": "Always"}}),
    (
        "pm-fsgroup-in-container",
        {"pod": {"containerSecurityContext": {"fsGroup": 9}}},
        {"pod": {"securityContext": {"fsGroup": 9}}},
    ),
    ("pm-server-user", {"config": {"Launcher": {"ServerUser": "rstudio-pm"}}}, {"config": {"Launcher": {}}}),
    ("pm-r-version", {"config": {"Server": {"RVersion": "/opt/R/4"}}}, {"config": {"Server": {"Address": "x"}}}),
    ("pm-migration-hook", {"enableMigration": True}, {"enableMigration": False}),
    ("pm-license-type", {"config": {"Licensing": {"LicenseType": "remote"}}}, {}),
]


@pytest.mark.parametrize(("name", "values", "fine"), HAZARDS, ids=[case[0] for case in HAZARDS])
def test_connect_hazard(connect: Chart, name: str, values: dict[str, Any], fine: dict[str, Any]) -> None:
    assert name in _ids(judge({**STORAGE, **values}, connect))
    assert name not in _ids(judge({**STORAGE, **fine}, connect))


@pytest.mark.parametrize(("name", "values", "fine"), PM_HAZARDS, ids=[case[0] for case in PM_HAZARDS])
def test_package_manager_hazard(
    package_manager: Chart, name: str, values: dict[str, Any], fine: dict[str, Any]
) -> None:
    result = judge({**STORAGE, **values}, package_manager)
    assert name in _ids(result)
    assert not result.will_fail
    assert name not in _ids(judge({**STORAGE, **fine}, package_manager))


@pytest.mark.parametrize(
    ("values", "key", "meant"),
    [
        ({"ingres": {"enabled": True}}, "ingres", "ingress"),
        ({"sharedStorage": {"storageClass": "x"}}, "sharedStorage.storageClass", "sharedStorage.storageClassName"),
        ({"image": {"pullPolicy": "Always"}}, "image.pullPolicy", "image.imagePullPolicy"),
        ({"replicaCount": 2}, "replicaCount", None),
        ({"pod": {"topologySpreadConstraints": []}}, "pod.topologySpreadConstraints", "topologySpreadConstraints"),
        ({"backend": {"kubernetes": {}}}, "backend", "backends"),
        ({"launcher": {"templateValue": {}}}, "launcher.templateValue", "launcher.templateValues"),
    ],
)
def test_an_unknown_key_is_ignored_and_the_nearest_known_one_named(
    connect: Chart, values: dict[str, Any], key: str, meant: str | None
) -> None:
    found = _by_key(judge({**STORAGE, **values}, connect))[key]
    assert (found.effect, found.id) == ("ignored", "unknown-key")
    assert found.to_key == meant


@pytest.mark.parametrize(
    "values",
    [
        {"config": {"Anything": {"Goes": 1}}},
        {"pod": {"labels": {"a": "b"}, "affinity": {"x": {}}, "securityContext": {"fsGroup": 1}}},
        {"livenessProbe": {"exec": {"command": []}, "httpGet": {"scheme": "HTTPS"}}},
        {"securityContext": {"privileged": True}, "resources": {"limits": {"cpu": 1}}},
        {"global": {"a": 1}, "rstudio-library": {"b": 1}},
        {"sharedStorage": {"create": True, "annotations": {"a": "b"}}},
        {"backends": {"kubernetes": {"defaultResourceJobBase": {"spec": {"a": 1}}}}},
        {"launcher": {"templateValues": {"pod": {"enableServiceLinks": True}, "job": {"ttlSecondsAfterFinished": 1}}}},
    ],
)
def test_below_open_maps_anything_may_stand(connect: Chart, values: dict[str, Any]) -> None:
    assert "unknown-key" not in _ids(judge({**STORAGE, **values}, connect))


@pytest.mark.parametrize("values", [{"pod": {"tolerations": []}}, {"prometheusExporter": {"enabled": True}}])
def test_a_key_that_a_row_speaks_of_is_not_unknown_besides(connect: Chart, values: dict[str, Any]) -> None:
    told = [finding.id for finding in judge({**STORAGE, **values}, connect).findings]
    assert len(told) == 1
    assert told != ["unknown-key"]


def test_a_key_that_is_gone_says_since_when(connect: Chart) -> None:
    found = _by_key(judge({"config": {}, "launcher": {"additionalRuntimeImages": []}}, connect, to_version="0.20.0"))
    assert "launcher.additionalRuntimeImages" not in found  # read by the notes, so not unknown
    gone = _by_key(judge({"chronicleAgent": {}, "prometheusExporter": {"resources": {}}}, connect))
    assert gone["prometheusExporter"].effect == "ignored"


def test_a_default_that_moves_under_an_unset_key_is_told(connect: Chart) -> None:
    result = judge(STORAGE, connect, from_version="0.5.14", to_version="0.6.0")
    found = _by_key(result)["service.type"]
    assert found.effect == "changes"
    assert found.message.startswith("the default goes from NodePort to ClusterIP")


@pytest.mark.parametrize("user", [{"service": {"type": "NodePort"}}, {"service": {"type": None}}])
def test_a_default_that_the_user_decided_is_not_told(connect: Chart, user: dict[str, Any]) -> None:
    assert "service.type" not in _by_key(judge({**STORAGE, **user}, connect, from_version="0.5.14", to_version="0.6.0"))


def test_defaults_of_the_charts_at_hand_win_over_the_catalog(connect: Chart) -> None:
    before, after = connect.values_at("0.21.0"), connect.values_at("0.21.0")
    after["replicas"] = 3
    result = judge(STORAGE, connect, from_version="0.21.0", from_defaults=before, to_defaults=after)
    assert _by_key(result)["replicas"].message == "the default goes from 1 to 3"


def test_what_breaks_comes_before_what_is_ignored(connect: Chart) -> None:
    result = judge({"ingres": {}, "image": {"tagPrefix": "x"}}, connect, from_version="0.7.4")
    effects = [finding.effect for finding in result.findings]
    assert effects == sorted(effects, key=["fails", "changes", "ignored"].index)
    ranks = [finding.rank for finding in result.findings if finding.effect == "changes"]
    assert ranks == sorted(ranks, reverse=True)


def test_interpreters_matter_only_to_content_in_the_server_s_pod(connect: Chart) -> None:
    local = {"launcher": {"enabled": False}, "backends": {"kubernetes": {"enabled": False}}}
    assert "config.Python.Executable" in _by_key(judge(local, connect, from_version="0.9.5"))
    assert "config.Python.Executable" not in _by_key(judge(STORAGE, connect, from_version="0.9.5"))


def test_the_product_moves_with_the_chart_unless_it_is_pinned(connect: Chart) -> None:
    assert "product-version" in _ids(judge(STORAGE, connect, from_version="0.20.0"))
    pinned = {**STORAGE, "versionOverride": "2026.08.0"}
    assert "product-version" not in _ids(judge(pinned, connect, from_version="0.20.0"))


def test_without_a_start_silent_changes_are_a_note_and_not_silence(connect: Chart) -> None:
    result = judge(STORAGE, connect)
    assert any("not known" in note for note in result.notes)
    assert judge(STORAGE, connect, from_version="0.21.0").notes == ()


def test_a_version_that_the_catalog_lacks_is_a_note(connect: Chart) -> None:
    assert any("0.99.0 is not in the catalog" in note for note in judge(STORAGE, connect, to_version="0.99.0").notes)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\nreplicas: 1\nreplicas: 2\n", [("repeated-key", "replicas", 2)]),
        ("pod:\n  env:\n  - {name: a, name: b}\n", [("repeated-key", "pod.env[0].name", 3)]),
        ("replicas: 1\n---\n# more\n\nreplicas: 2\n", [("second-document", "---", 2)]),
        ("replicas: 1\r\n---\r\nreplicas: 2\r\n", [("second-document", "---", 2)]),
        ("---\nreplicas: 1\n---\n# nothing\n", []),
        ("x: &a {b: 1}\ny: {<<: *a, b: 2}\ntext: |\n  ---\n  b: 1\n", []),
    ],
)
def test_what_helm_never_reads_of_a_file_is_told(connect: Chart, text: str, told: list[tuple[str, str, int]]) -> None:
    ids = ("repeated-key", "second-document")
    found = [f for f in lint([Document.parse(text, "v.yaml")], connect).findings if f.id in ids]
    assert [(f.id, f.key, f.line) for f in found] == told
    assert all(f.effect == "ignored" and f.file == "v.yaml" for f in found)


def test_a_template_among_extra_objects_is_a_note(connect: Chart) -> None:
    """Go's templates are not evaluated here; what they become is not guessed."""
    plain, text = {"kind": "A", "metadata": {"name": "a"}}, "kind: B\nmetadata:\n  name: {{ .Release.Nam }"
    given = {**STORAGE, "extraObjects": [plain, text, {**plain, "data": {"b": ["{{ .Values.none.at.all }}"]}}]}
    notes = judge(given, connect, from_version="0.21.0").notes
    assert [note.split(" ")[0] for note in notes] == ["extraObjects[1]", "extraObjects[2]"]
    assert judge({**STORAGE, "extraObjects": [plain]}, connect, from_version="0.21.0").notes == ()


def test_nothing_changes_between_a_version_and_itself(connect: Chart, package_manager: Chart) -> None:
    for chart in (connect, package_manager):
        result = judge(STORAGE, chart, from_version=chart.newest)
        assert [finding.key for finding in result.findings] == []


def test_an_upgrade_of_a_local_install_is_told_that_it_goes_off_host(connect: Chart) -> None:
    """Also where nothing was set: content was local by default before 0.8.0."""
    assert "connect-local-becomes-off-host" in _ids(judge(STORAGE, connect, from_version="0.7.4"))
    off_host = {**STORAGE, "launcher": {"enabled": False}}
    assert "connect-local-becomes-off-host" not in _ids(judge(off_host, connect, from_version="0.20.5"))


@pytest.mark.parametrize(("start", "fails"), [("0.8.0", True), ("0.20.0", True), ("0.21.0", False)])
def test_reuse_values_is_judged_only_where_it_is_asked_for(connect: Chart, start: str, fails: bool) -> None:
    assert judge(STORAGE, connect, from_version=start, reuse_values=True).will_fail is fails
    assert not judge(STORAGE, connect, from_version=start).will_fail


def test_with_reused_values_a_missing_block_is_told_once_and_no_default_moves(connect: Chart) -> None:
    findings = judge(STORAGE, connect, from_version="0.8.38", reuse_values=True).findings
    assert [f.id for f in findings if f.key == "backends"] == ["connect-reuse-values-backends"]
    assert not {"connect-image-repository", "connect-runner-default"} & {finding.id for finding in findings}


TEXT = """\
# our values
sharedStorage:
  create: true
image:
  tagPrefix: bionic-
config:
  Server:
    Limit: 1000000
"""


def test_findings_have_file_line_and_column(connect: Chart) -> None:
    base, over = Document.parse(TEXT, "base.yaml"), Document.parse("image:\n  tagPrefix: jammy-\n", "over.yaml")
    found = _by_key(lint([base], connect))
    assert (found["image.tagPrefix"].file, found["image.tagPrefix"].line, found["image.tagPrefix"].column) == (
        "base.yaml",
        5,
        3,
    )
    assert (found["config.Server.Limit"].line, found["config.Server.Limit"].column) == (8, 5)
    later = _by_key(lint([base, over], connect))
    assert (later["image.tagPrefix"].file, later["image.tagPrefix"].line) == ("over.yaml", 2)


def test_later_files_take_away_what_earlier_ones_set(connect: Chart) -> None:
    base, over = Document.parse(TEXT, "base.yaml"), Document.parse("image: {tagPrefix: null}\n", "over.yaml")
    assert lint([base], connect).will_fail
    assert not lint([base, over], connect).will_fail


def test_a_default_has_no_place_in_the_files(connect: Chart) -> None:
    found = _by_key(lint([Document.parse("replicas: 2\n", "v.yaml")], connect))["sharedStorage"]
    assert (found.file, found.line) == (None, None)


@pytest.mark.parametrize(
    ("values", "mend"),
    [
        ({"image": {"tagPrefix": "x"}}, Mend(kind="delete", path=("image", "tagPrefix"))),
        ({"pod": {"nodeSelector": {"a": "b"}}}, Mend(kind="move", path=("pod", "nodeSelector"), to=("nodeSelector",))),
        ({"config": {"S": {"k": 1e6}}}, Mend(kind="quote", path=("config", "S", "k"), test="gcfg-exponent")),
        ({"config": {"S": {"k": "a;b"}}}, Mend(kind="gcfg-quote", path=("config", "S", "k"), test="gcfg-comment")),
    ],
)
def test_mechanical_mends(connect: Chart, values: dict[str, Any], mend: Mend) -> None:
    result = judge({**STORAGE, **values}, connect)
    assert [m for finding in result.findings for m in finding.mends] == [mend]


def test_a_key_is_not_moved_over_another(connect: Chart) -> None:
    values = {**STORAGE, "pod": {"nodeSelector": {"a": "b"}}, "nodeSelector": {"c": "d"}}
    assert [m for finding in judge(values, connect).findings for m in finding.mends] == []


def test_no_finding_holds_a_value(connect: Chart) -> None:
    """Values may be secrets; defaults of the chart are not."""
    secret = "s3cr3t;pass#word\nx"
    values = {"config": {"Postgres": {"Password": secret}}, "image": {"tagPrefix": secret}, "fullnameOverride": secret}
    assert "s3cr3t" not in repr(judge(values, connect, from_version="0.7.4"))


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=4), below, max_size=3),
    max_leaves=6,
)
_PLACES = sorted(
    {key for chart in load().charts for version in (chart.oldest, chart.newest) for key in chart.defaults_at(version)}
    | {"config", "launcher", "backends.kubernetes", "pod", "ingress.hosts", "license", "config.Server"}
)


@given(
    places=st.dictionaries(st.sampled_from(_PLACES), _ANY, max_size=4), start=st.sampled_from([None, "0.3.0", "0.9.5"])
)
def test_any_values_are_judged(places: dict[str, Any], start: str | None) -> None:
    for chart in load().charts:
        values: dict[str, Any] = {}
        for key, value in places.items():
            branch = values
            *parents, last = key.split(".")
            for parent in parents:
                below = branch.get(parent)
                branch = (
                    below
                    if isinstance(below, dict)
                    else branch.setdefault(f"{parent}", {})
                    if parent not in branch
                    else {}
                )
            branch[last] = value
        result = judge(values, chart, from_version=start, reuse_values=True)
        assert result.will_fail is any(finding.effect == "fails" for finding in result.findings)


@pytest.mark.parametrize(
    ("values", "suggested"),
    [
        ({"launcher": {"templateValues": {"pod": {"bogus": 1}}}}, None),
        ({"launcher": {"templateValues": {"bogus": 1}}}, None),
        ({"backends": {"kubernetes": {"bogus": 1}}}, None),
        (
            {"launcher": {"templateValues": {"pod": {"podTolerations": []}}}},
            "launcher.templateValues.pod.tolerations",
        ),
    ],
)
def test_a_key_is_suggested_for_its_own_likeness_and_not_for_its_place(
    connect: Chart, values: dict[str, Any], suggested: str | None
) -> None:
    (unknown,) = [finding for finding in judge(values, connect).findings if finding.id == "unknown-key"]
    assert unknown.to_key == suggested
