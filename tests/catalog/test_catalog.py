"""What the catalog answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.catalog import Chart, load
from auditor.errors import UnreadableFile
from auditor.model.keypath import join_key, leaves, look_up, nested, split_key

CONNECT = load().chart("rstudio-connect")
PM = load().chart("rstudio-pm")


def test_versions_are_in_the_order_of_releases() -> None:
    assert CONNECT.versions.index("0.9.5") < CONNECT.versions.index("0.20.0") < CONNECT.versions.index("0.20.10")


def test_app_version_of_an_unknown_chart_is_unknown() -> None:
    assert CONNECT.app_version("0.21.0") == "2026.08.0"
    assert CONNECT.app_version("9.9.9") is None


@pytest.mark.parametrize(
    ("version", "expected"), [("0.7.28", False), ("0.8.0", True), ("0.20.0", True), ("0.20.1", False), ("9.0.0", False)]
)
def test_default_at_a_version(version: str, expected: object) -> None:
    """Also for versions that came after the catalog: the last known one holds."""
    assert CONNECT.defaults_at(version)["launcher.enabled"] is expected


def test_defaults_before_the_first_known_version_are_the_first_known() -> None:
    assert PM.defaults_at("0.2.0") == PM.defaults_at("0.3.0")


def test_known_keys_come_and_go() -> None:
    assert "image.tagPrefix" in CONNECT.defaults_at("0.9.5")
    assert "image.tagPrefix" not in CONNECT.defaults_at("0.20.0")
    assert "backends.kubernetes.enabled" not in CONNECT.defaults_at("0.8.38")


def test_values_are_a_tree_of_one_s_own() -> None:
    values = CONNECT.values_at("0.21.0")
    assert values["sharedStorage"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    values["sharedStorage"]["create"] = True
    assert CONNECT.values_at("0.21.0")["sharedStorage"]["create"] is False


def test_changes_between_cross_the_end_but_not_the_start() -> None:
    crossed = {change.version for change in CONNECT.changes_between("0.20.0", "0.20.1")}
    assert crossed == {"0.20.1"}


def test_changes_that_are_undone_on_the_way_are_left_out() -> None:
    """defaultInitContainer.os lived from 0.20.0 to 0.20.4."""
    ids = [change.id for change in CONNECT.changes_between("0.9.5", "0.20.4")]
    assert "connect-init-os-launcher" in ids
    assert "connect-init-os-launcher" not in [change.id for change in CONNECT.changes_between("0.9.5", "0.20.5")]


def test_another_chart_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        load().chart("rstudio-workbench")


def _file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "more.yaml"
    path.write_text(text)
    return path


def test_a_user_s_rows_are_added(tmp_path: Path) -> None:
    path = _file(
        tmp_path,
        """
releases:
  rstudio-pm: [{version: 0.22.0, app_version: 2027.01.0, date: "2027-01-20", library: 0.2.0}]
defaults:
  rstudio-pm: [{key: replicas, steps: [{since: 0.3.0, default: 1}, {since: 0.22.0, default: 2}]}]
storage:
- {id: ours, title: Our NAS, drivers: [nfs.csi.k8s.io], ownership: chown-ok, fs_group: applied, why: exported without
   squash, instead: nothing, source: "https://example.com/nas"}
""",
    )
    catalog = load([path])
    assert catalog.chart("rstudio-pm").newest == "0.22.0"
    assert catalog.chart("rstudio-pm").defaults_at("0.22.0")["replicas"] == 2
    assert catalog.chart("rstudio-pm").defaults_at("0.20.4")["replicas"] == 1
    found = catalog.storage({"spec": {"csi": {"driver": "nfs.csi.k8s.io"}}})
    assert found is not None
    assert found.id == "ours"
    assert load().chart("rstudio-pm").newest == "0.20.4"
    assert load([path]).added == catalog.added != load().added == ""


def _hazard(when: str) -> str:
    row = f"id: a, keys: [x], when: {when}, effect: ignored, message: m, remedy: none, remedy_text: t"
    return f"hazards: [{{{row}, source: 'https://example.com'}}]"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("storage: [{id: a}]", "row 1 of storage"),
        ("storage: [{id: a, titel: b}]", "unknown field `titel`"),
        ("changed: []", "unknown field `changed`"),
        ("- a", "Expected `object`"),
        ("a: [", "is not YAML at line"),
        ("\ta: b", "is not YAML at line 1"),
        ("releases: {rstudio-workbench: []}", "rstudio-workbench"),
        ("releases: {rstudio-pm: [{version: new, app_version: x, date: x, library: x}]}", "version is no version: new"),
        (_hazard("{}"), "exactly one question"),
        (_hazard("{predicate: mine}"), "no such predicate: mine"),
        (_hazard("{to_version: '> 1'}"), "no version range"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(UnreadableFile, match="catalog file") as refused:
        load([_file(tmp_path, text)])
    assert says in str(refused.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="can't be read"):
        load([tmp_path / "nothing.yaml"])


@pytest.mark.parametrize("key", ["a", "a.b", r"a.helm\.sh/x", 'config.RPackageRepository "CRAN".URL'])
def test_key_paths_are_written_and_read_back(key: str) -> None:
    assert join_key(split_key(key)) == key


def test_places_that_are_not_there_are_missing_and_not_null() -> None:
    values = {"a": {"b": None, "c": [1]}}
    assert look_up(values, ("a", "b")) is None
    assert not look_up(values, ("a", "x"))
    assert look_up(values, ("a", "c", 0)) == 1
    assert dict(leaves(nested({"a.b": 1, "a": {}, r"a.c\.d": []}))) == {("a", "b"): 1, ("a", "c.d"): []}


@pytest.mark.parametrize("chart", [CONNECT, PM], ids=lambda chart: chart.name)
def test_every_release_has_the_digest_of_its_archive(chart: Chart) -> None:
    assert {archive.version for archive in chart.archives} >= set(chart.versions)
    (one,) = [archive for archive in chart.archives if archive.version == chart.newest]
    assert chart.vouches_for(chart.newest, one.sha256)
    assert not chart.vouches_for(chart.versions[0], one.sha256)


def test_a_row_of_a_user_stands_beside_the_released_one(tmp_path: Path) -> None:
    file = tmp_path / "rows.yaml"
    file.write_text(f"archives:\n  rstudio-pm:\n  - version: 0.20.4\n    sha256: {'a' * 64}\n")
    added = load([file])
    (released,) = [row.sha256 for row in PM.archives if row.version == "0.20.4"]
    assert added.vouches_for("rstudio-pm", "0.20.4", "a" * 64)
    assert added.vouches_for("rstudio-pm", "0.20.4", released)
    assert not added.vouches_for("another", "0.20.4", "a" * 64)
    file.write_text("archives:\n  rstudio-pm:\n  - version: 0.20.4\n    sha256: A0\n")
    with pytest.raises(UnreadableFile, match="sha256 is no SHA-256"):
        load([file])
