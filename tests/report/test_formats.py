"""docs/formats.md names the fields that the code prints, and their shapes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import msgspec
import pytest

from auditor.catalog import load
from auditor.cli import fix
from auditor.model.action import Action
from auditor.model.finding import Result
from auditor.model.kubernetes import PODS, Access, ObjectRef
from auditor.model.outcome import Verdict
from auditor.model.preflight import Missing, Need, Preflight
from auditor.model.product import Product
from auditor.model.seen import Unseen
from auditor.model.values import Lint, ValueFinding
from auditor.planning.choosing import Choice, chosen
from auditor.report import explain, lint, preflight
from auditor.report import json as report
from auditor.report.plan_text import outcomes_json, plan_json
from auditor.rules import discover
from auditor.values.document import Document
from auditor.values.migration import as_json, migrate
from tests.builders import UNSEEN, finding, package_manager, release_ref, snapshot
from tests.report.estate import estate, findings
from tests.steps import label, outcome, step, wanting

PAGE = (Path(__file__).parents[2] / "docs" / "formats.md").read_text()
KINDS = {action.__struct_config__.tag: action for action in get_args(Action)}
ROW = re.compile(r"^\| `([^`]+)` \| ([^|]+) \|", re.MULTILINE)

Shapes = dict[str, set[str]]


def shapes(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Each field's path, and what stands there; an empty list says nothing."""
    match value:
        case None:
            yield path, "null"
        case bool():
            yield path, "boolean"
        case int():
            yield path, "number"
        case str():
            yield path, "text"
        case list():
            for item in value:
                inside = list(shapes(item, f"{path}[]"))
                yield from ((path, f"{shape}[]") if place == f"{path}[]" else (place, shape) for place, shape in inside)
        case dict():
            known = _known(value, path)
            if known:
                yield path, known
                return
            for name, inner in value.items():
                yield from shapes(inner, f"{path}.{name}" if path else name)


def _known(value: dict[str, Any], path: str) -> str:
    if path.endswith(".details"):
        return "mapping"
    if value.get("kind") in KINDS:
        return "action"
    if path and str(value.get("schema", "")).startswith("posit-audit.plan/"):
        return "plan"
    return {frozenset({"kind", "namespace", "name"}): "object", frozenset({"namespace", "name"}): "release"}.get(
        frozenset(value), ""
    )


def printed(*documents: Any) -> Shapes:
    found: Shapes = {}
    for document in documents:
        for path, shape in shapes(json.loads(document if isinstance(document, str) else json.dumps(document))):
            found.setdefault(path, set()).add(shape)
    return found


def documented(schema: str) -> Shapes:
    (section,) = re.findall(rf"^## {re.escape(schema)}$(.*?)^## ", PAGE, re.MULTILINE | re.DOTALL)
    told: Shapes = {}
    for field, shape in ROW.findall(section):
        if shape.startswith("as in "):
            other = documented(shape.removeprefix("as in "))
            told |= {path: inner for path, inner in other.items() if path.startswith(f"{field}[]")}
        else:
            told[field] = set(shape.split(" or "))
    return told


PLAN = chosen(
    snapshot(package_manager()),
    (wanting(label(), rule="a"), finding("b"), wanting(label("other"), rule="c")),
    Choice(skip=("c",)),
)
DONE = step(label())
VERDICT = Verdict(
    steps=(DONE.id,), rule="a", release=release_ref(), object=ObjectRef("Pod", "n", "p"), mended=True, message="Gone."
)
BEFORE = SimpleNamespace(
    findings=(finding("c", result=Result.UNKNOWN, how="Look."),),
    snapshot=SimpleNamespace(blind=(Unseen(reason="No right.", how="Grant it."),)),
)
PREPARED: Any = SimpleNamespace(plan=PLAN, before=BEFORE)


def a_report() -> Shapes:
    state = snapshot(
        *estate().releases, package_manager(name="z", helm=UNSEEN), blind=estate().blind, namespaces=("n",)
    )
    return printed(report.render(state, findings()))


def a_plan(capsys: pytest.CaptureFixture[str]) -> Shapes:
    fix._show_plan(PREPARED, "json")
    return printed(capsys.readouterr().out)


def a_fix(capsys: pytest.CaptureFixture[str]) -> Shapes:
    made: Any = SimpleNamespace(outcomes=(outcome(DONE),), verdicts=(VERDICT,), journal=Path("j.jsonl"), changed=True)
    fix._show_result(PREPARED, made, "json")
    return printed(capsys.readouterr().out)


def a_preflight() -> Shapes:
    need = Need(access=Access(PODS, ("get",)), verb="get", blinds=("a",), sharpens=("b",), users=("c",))
    missing = Missing(need=need, namespace="n")
    return printed(
        preflight.render(Preflight(purpose="scan", identity="i", namespaces=("n",), asked=2, missing=(missing,)))
    )


def a_lint() -> Shapes:
    one = ValueFinding(id="i", effect="fails", key="k", message="m", remedy="r", file="f", line=1, column=1)
    found = (one, msgspec.structs.replace(one, file=None, line=None, column=None))
    whole = Lint(
        chart=Product.CONNECT, from_version="1", to_version="2", will_fail=True, findings=found, notes=("Not judged.",)
    )
    return printed(lint.render_json(whole), lint.render_json(msgspec.structs.replace(whole, from_version=None)))


def a_migration() -> Shapes:
    text = b"launcher:\n  enabled: true\n  templateValues:\n    pod:\n      serviceAccountName: content\n"
    return printed(as_json(migrate([Document.parse(text, "values.yaml")], load().chart("rstudio-connect"))))


def test_the_page_tells_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    schemas = {
        "posit-audit.report/v1": a_report(),
        "posit-audit.plan/v1": a_plan(capsys),
        "posit-audit.outcomes/v1": printed(outcomes_json((outcome(DONE),), (VERDICT,))),
        "posit-audit.fix/v1": a_fix(capsys),
        "posit-audit.preflight/v1": a_preflight(),
        "posit-audit.lint/v1": a_lint(),
        "posit-audit.migrate/v1": a_migration(),
        "posit-audit.rules/v1": printed(explain.listing_json((loaded.id, loaded.rule) for loaded in discover())),
    }
    assert {schema: documented(schema) for schema in schemas} == schemas
    assert re.findall(r"^## (posit-audit\S+)$", PAGE, re.MULTILINE) == list(schemas)


def test_a_plan_in_a_file_is_the_page_without_what_could_not_be_told() -> None:
    told = documented("posit-audit.plan/v1")
    assert printed(plan_json(PLAN)) == {path: shape for path, shape in told.items() if not path.startswith("not_told")}


def test_the_page_tells_every_kind_of_action_with_its_fields() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| [^|]+ \| (`[^|]+`) \|$", PAGE.partition("## Actions")[2], re.MULTILINE)
    assert {kind: re.findall(r"`(\w+)`", fields) for kind, fields in rows} == {
        kind: [field.name for field in msgspec.structs.fields(action)] for kind, action in KINDS.items()
    }


def test_every_format_that_the_code_names_is_on_the_page_but_the_journal() -> None:
    code = "".join(path.read_text() for path in Path(fix.__file__).parents[1].rglob("*.py"))
    named = set(re.findall(r'"(posit-audit\.\w+/v\d+)"', code)) - {"posit-audit.journal/v1"}
    assert set(re.findall(r"^## (posit-audit\S+)$", PAGE, re.MULTILINE)) == named
