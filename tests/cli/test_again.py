"""The command that applies the rest of a refused plan can be pasted: the same options, quoted, and no secret."""

from __future__ import annotations

import itertools
import shlex
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from auditor.cli import app
from auditor.errors import PlanRefused, StepsRefused
from auditor.model.snapshot import ReleaseRef
from auditor.pipeline import fix, prepare
from tests.steps import label, ownership, planned, scale, upgrade, wanting

ONE, TWO = ReleaseRef("a", "one"), ReleaseRef("b", "two")
OWN = ownership(namespace="a", path="my dir", after_stop=True)
UPGRADE = wanting(scale(1, 0, "a"), OWN, upgrade("one", "a"), scale(0, 1, "a"), release=ONE)
PLAN = planned(UPGRADE, wanting(label(namespace="b"), release=TWO))
GROUP = [step.id for step in PLAN.steps[:4]]
LABEL = PLAN.steps[4].id


def refused(monkeypatch: pytest.MonkeyPatch, *arguments: str, steps: tuple[str, ...] = (GROUP[2],)) -> str:
    """What `fix` with these arguments says if the rehearsal refuses `steps`."""
    before = SimpleNamespace(findings=(), snapshot=SimpleNamespace(blind=()), saw_nothing=False)

    def carry_out(*_: Any, **__: Any) -> None:
        raise StepsRefused("Nothing was changed: no.", steps=steps)

    monkeypatch.setattr(prepare, "prepare", lambda *_, **__: SimpleNamespace(plan=PLAN, before=before, left=False))
    monkeypatch.setattr(fix, "carry_out", carry_out)
    done = CliRunner().invoke(app, ["fix", *arguments])
    assert isinstance(done.exception, PlanRefused), done.output
    return str(done.exception)


def command(said: str) -> list[str]:
    return shlex.split(said.rpartition("\n")[2])


def test_the_rest_is_what_does_not_depend_on_the_refused_step(monkeypatch: pytest.MonkeyPatch) -> None:
    said = refused(monkeypatch, "--apply", "--yes")
    assert said.startswith("Nothing was changed: no.\nThe rest can be applied with:\n")
    skipped = [word for id_ in GROUP for word in ("--skip", id_)]
    assert command(said) == ["posit-audit", "fix", "--apply", "--yes", *skipped]
    assert "'change-ownership:a/rstudio-pm-shared-storage:my dir'" in said


def test_every_option_that_was_given_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    given = [
        *("--namespace", "a", "--namespace", "b", "--only", "a/one", "--only", "b/two", "--skip", "c/x"),
        *("--to", "rstudio-pm=0.20.4", "--apply", "--yes", "--unsafe", "--chart", "my charts"),
        *("--chart", "https://helm.rstudio.com", "--shards", "4", "--output", "text", "--as", "me", "--context", "c"),
    ]
    again = command(refused(monkeypatch, *given, steps=(LABEL,)))
    assert again[:2] == ["posit-audit", "fix"]
    assert again[-2:] == ["--skip", LABEL]
    pairs = list(itertools.pairwise(again))
    for name, value in itertools.pairwise(given):
        if name.startswith("--"):
            assert name in again
            assert value.startswith("--") or (name, value) in pairs


def test_what_was_not_given_does_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELM", "/opt/helm")
    assert command(refused(monkeypatch, "--apply", "-y", steps=(LABEL,))) == [
        *("posit-audit", "fix", "--apply", "--yes", "--skip", LABEL)
    ]


@pytest.mark.parametrize(
    "secret",
    ["https://me:canary@charts.example/x", "oci://me:canary@charts.example/x", "https://charts.example/?t=canary"],
)
def test_an_address_with_a_secret_is_not_printed(monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    said = refused(monkeypatch, "--apply", "--yes", "--chart", secret, "--chart", "https://helm.rstudio.com")
    assert "canary" not in said
    assert "--chart SOURCE --chart https://helm.rstudio.com" in said
    assert "(SOURCE: your --chart, which is not printed)" in said


def test_if_nothing_is_left_no_command_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refused(monkeypatch, "--apply", "--yes", steps=(GROUP[0], LABEL)) == "Nothing was changed: no."
