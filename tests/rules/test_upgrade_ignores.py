from auditor.model.finding import Finding, Result
from tests.builders import CONNECT, UNSEEN, connect, target
from tests.rules.judging import fix_of, judged, only
from tests.rules.upgrades import asked, upgraded

RULE = "upgrade-ignores"


def by_key(values: object) -> dict[str, Finding]:
    found = judged(RULE, upgraded(CONNECT, "0.7.4", "0.21.0", values))  # type: ignore[arg-type]
    return {finding.evidence[0].field: finding for finding in found if finding.result is Result.FAILED}


def test_fails_once_for_the_key() -> None:
    found = by_key({"neverExisted": 1, "sharedStorage": {"create": True}})["****"]
    assert found.message.startswith("Chart 0.21.0 ")
    assert fix_of(found).follows == "chart-not-at-target"
    assert not fix_of(found).actions


def test_passes_over_what_it_does_not_reach() -> None:
    assert "neverExisted" not in by_key({"sharedStorage": {"create": True}})


def test_passes_at_the_version_that_was_asked_for() -> None:
    assert only(RULE, connect(target=target(CONNECT))).result is Result.PASSED


def test_cannot_tell_without_the_values() -> None:
    found = only(RULE, connect(target=asked(connect(helm=UNSEEN), "0.21.0"), helm=UNSEEN))
    assert found.result is Result.UNKNOWN
