"""What is asked in which order, and what of it a plan keeps. With real Helm and a cluster: tests/cluster/adversary."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from auditor.apply.rendering import Renderer
from auditor.apply.tools import Consent, Tools
from auditor.errors import Forbidden, HelmError, NotFound, PlanIsStale, PlanRefused
from auditor.helm.charts import FoundChart
from auditor.helm.decode import decode_release
from auditor.helm.dry_run import DryRun
from auditor.model.kubernetes import Resource
from auditor.model.rendering import Rendering
from auditor.model.seen import Withheld
from auditor.model.snapshot import ReleaseRef
from tests.apply.fake_helm import record_secret, tools_for

RELEASE = ReleaseRef("posit", "pm")
OWN = {"meta.helm.sh/release-name": "pm", "meta.helm.sh/release-namespace": "posit"}
TEMPLATE = '{{ fail (lookup "v1" "Secret" "other" "it") }}'


def manifest(*objects: dict[str, Any]) -> str:
    return "".join(f"---\n# Source: rstudio-pm/templates/x.yaml\n{json.dumps(one)}\n" for one in objects)


def config_map(name: str = "a", **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


@dataclass
class Cluster:
    """A chart that makes one ConfigMap, and an object for each extra one."""

    there: dict[str, dict[str, Any]] = field(default_factory=dict)
    refused: bool = False
    hooks: tuple[str, ...] = ()
    breaks: bool = False
    calls: list[str] = field(default_factory=list)
    time: float = 0.0

    def template(self, *_: Any, values: bytes, **__: Any) -> str:
        self.calls.append("template")
        given = yaml.safe_load(values)
        assert "extraObjects" not in given
        if self.breaks and "\n" not in given.get("note", ""):
            raise HelmError("no")
        return manifest(config_map(note=given.get("note", "")))

    def dry_run(self, *_: Any, values: bytes, **__: Any) -> DryRun:
        self.calls.append("dry run")
        given = yaml.safe_load(values)
        text = manifest(config_map(note=given.get("note", "")), *given.get("extraObjects", ()))
        return DryRun(hooks=self.hooks, objects=(), manifest=Withheld(text))

    def resource(self, api_version: str, kind: str) -> Resource | None:
        known = (api_version, kind) == ("example.com/v1", "Thing")
        return Resource("example.com", "v1", "things", "Thing", namespaced=False) if known else None

    def get(self, resource: Resource, namespace: str, name: str) -> dict[str, Any]:
        if self.refused:
            raise Forbidden("You may not get it.")
        if name not in self.there:
            raise NotFound("404")
        place = {"namespace": namespace} if namespace else {}
        metadata = {"name": name, **place, "labels": {"app.kubernetes.io/managed-by": "Helm"}, "annotations": OWN}
        return {**self.there[name], "metadata": metadata}


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def tools(cluster: Cluster, tmp_path: Path) -> Tools:
    return tools_for(cluster, tmp_path)


def renderer(
    tools: Tools,
    *,
    version: str = "0.20.4",
    agreed: Rendering | None = None,
    known: bool = True,
    stored: str = "",
    **values: Any,
) -> Renderer:
    secret = record_secret(1, status="deployed", chart="rstudio-pm", version="0.20.4", values=values, manifest=stored)
    return Renderer(
        release=RELEASE,
        chart=FoundChart(Path("chart"), "c" * 64, known=known),
        version=version,
        values=values,
        before=decode_release(secret["data"]["release"], "x"),
        tools=tools,
        agreed=agreed,
    )


def judged(tools: Tools, **more: Any) -> Rendering:
    one = renderer(tools, **more)
    return one.judged(one.dry_run())


def allowing(tools: Tools, *templates: str, unsafe: bool = False) -> Tools:
    return replace(tools, consent=Consent(unsafe=unsafe, templates=templates))


def test_a_template_holds_it_before_helm_renders_anything(cluster: Cluster, tools: Tools) -> None:
    with pytest.raises(PlanRefused, match=r"pod\.env.*--allow-template pod\.env") as refused:
        judged(tools, pod={"env": [{"name": "a", "value": TEMPLATE}]})
    assert cluster.calls == []
    assert "lookup" not in str(refused.value)


def test_one_that_is_allowed_is_in_the_plan(tools: Tools) -> None:
    found = judged(allowing(tools, "note"), note=TEMPLATE)
    assert found.templates == ("note",)
    with pytest.raises(PlanRefused, match="hold templates"):
        judged(allowing(tools, "note"), note=TEMPLATE, agreed=judged(tools))


def test_what_the_chart_makes_is_listed(cluster: Cluster, tools: Tools) -> None:
    assert judged(tools).changes == ("+   ConfigMap posit/a",)
    cluster.there["a"] = config_map(note="old")
    assert judged(tools, note="new").changes == ("~   ConfigMap posit/a data.note: changed (not shown)",)
    gone = manifest(config_map("gone"))
    cluster.there["gone"] = config_map("gone")
    assert judged(tools, note="old", stored=gone).changes == ("-   ConfigMap posit/gone",)


@pytest.mark.parametrize("unsafe", [False, True])
def test_an_extra_object_that_is_new_refuses_a_patch_whatever_is_asked_for(tools: Tools, unsafe: bool) -> None:
    with pytest.raises(PlanRefused, match=r"ConfigMap posit/b would be new, and it is not the chart's own"):
        judged(allowing(tools, unsafe=unsafe), extraObjects=[config_map("b")])


def test_one_that_is_there_exactly_so_is_not_in_the_way(cluster: Cluster, tools: Tools) -> None:
    cluster.there["b"] = config_map("b", x="y")
    judged(tools, extraObjects=[config_map("b", x="y")])
    with pytest.raises(PlanRefused, match="would be changed"):
        judged(tools, extraObjects=[config_map("b", x="z")])


def test_an_upgrade_makes_it_where_that_is_asked_for_and_names_it(tools: Tools) -> None:
    more = {"version": "0.20.5", "extraObjects": [config_map("b")]}
    with pytest.raises(PlanRefused, match="--unsafe plans the upgrade"):
        judged(tools, **more)
    (accepted,) = judged(allowing(tools, unsafe=True), **more).accepted
    assert accepted == "ConfigMap posit/b would be new, and it is not the chart's own"


def test_what_is_applied_is_what_the_plan_shows(cluster: Cluster, tools: Tools) -> None:
    shown = judged(tools, note="one")
    assert judged(tools, note="one", agreed=shown) == shown
    cluster.there["a"] = config_map(note="one")
    assert judged(tools, note="one", agreed=shown).objects == shown.objects  # it was stopped meanwhile, say
    with pytest.raises(PlanIsStale, match="no longer those that the plan shows"):
        judged(tools, note="two", agreed=shown)
    agreed = judged(allowing(tools, unsafe=True), version="0.20.5", extraObjects=[config_map("b")])
    other = [config_map("c")]
    with pytest.raises(PlanIsStale):
        judged(tools, version="0.20.5", extraObjects=other, agreed=agreed)


def test_an_unknown_chart_is_named_in_the_plan(tools: Tools) -> None:
    (accepted,) = judged(tools, known=False).accepted
    assert accepted == f"The chart with SHA-256 {'c' * 64} is not in the catalog"


def test_hooks_run_only_where_an_upgrade_was_asked_to_run_them(cluster: Cluster, tools: Tools) -> None:
    cluster.hooks = ("rstudio-pm/templates/post-upgrade-chown-job.yaml",)
    assert not judged(tools).hooks
    cluster.hooks = ("rstudio-pm/templates/extra-objects.yaml",)
    with pytest.raises(PlanRefused, match="Hook"):
        judged(tools)
    found = judged(allowing(tools, unsafe=True), version="0.20.5")
    assert found.hooks
    assert "Hook rstudio-pm/templates/extra-objects.yaml" in found.accepted[0]


def test_values_with_line_breaks_are_rendered_without_them_too(cluster: Cluster, tools: Tools) -> None:
    judged(tools, note="one\ntwo")
    assert cluster.calls == ["dry run", "template", "template"]
    cluster.breaks = True
    with pytest.raises(PlanRefused, match="not the chart's own"):
        judged(tools, note="one\ntwo")


def test_the_charts_own_lookups_are_rendered_on_the_server(cluster: Cluster, tools: Tools) -> None:
    connect = renderer(tools, chronicleAgent={"enabled": True})
    record = replace_chart(connect, "rstudio-connect")
    record.judged(record.dry_run())
    assert cluster.calls == ["dry run", "dry run"]


def replace_chart(one: Renderer, chart: str) -> Renderer:
    secret = record_secret(1, status="deployed", chart=chart, version="0.21.0", values=one.values)
    return replace(one, before=decode_release(secret["data"]["release"], "x"), version="0.21.0")


def test_what_can_not_be_compared_is_refused(cluster: Cluster, tools: Tools) -> None:
    thing = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "t"}}
    with pytest.raises(PlanRefused, match="Thing t would be new, and it is not the chart's own"):
        judged(tools, extraObjects=[thing])
    with pytest.raises(PlanRefused, match="of a kind that the API server does not know"):
        judged(tools, extraObjects=[{**thing, "kind": "Other"}])
    with pytest.raises(PlanRefused, match="can't be compared"):
        judged(tools, extraObjects=[{**thing, "kind": "x/y"}])
    cluster.refused = True
    with pytest.raises(PlanRefused, match=r"could not be compared with the cluster: You may not get it\."):
        judged(tools)


def test_a_secret_of_the_chart_is_in_no_digest(tools: Tools) -> None:
    one, other = (
        judged(
            allowing(tools, unsafe=True),
            version="0.20.5",
            extraObjects=[{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": text}}],
        )
        for text in ("one", "other")
    )
    assert one == other
