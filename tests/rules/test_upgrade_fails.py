from auditor.model.finding import Finding, Result
from tests.builders import CONNECT, UNSEEN, connect, target
from tests.rules.judging import fix_of, judged, only
from tests.rules.upgrades import asked, upgraded

RULE = "upgrade-fails"


def by_key(values: object) -> dict[str, Finding]:
    found = judged(RULE, upgraded(CONNECT, "0.7.4", "0.21.0", values))  # type: ignore[arg-type]
    return {finding.evidence[0].field: finding for finding in found if finding.result is Result.FAILED}


def test_fails_once_for_the_key() -> None:
    found = by_key({"launcher": {"enabled": True}, "sharedStorage": {"create": True}})["launcher.enabled"]
    assert found.message.startswith("Chart 0.21.0 ")
    assert fix_of(found).follows == "chart-not-at-target"
    assert not fix_of(found).actions


def test_passes_over_what_it_does_not_reach() -> None:
    assert "launcher.enabled" not in by_key({"sharedStorage": {"create": True}})


def test_passes_at_the_version_that_was_asked_for() -> None:
    assert only(RULE, connect(target=target(CONNECT))).result is Result.PASSED


def test_cannot_tell_without_the_values() -> None:
    found = only(RULE, connect(target=asked(connect(helm=UNSEEN), "0.21.0"), helm=UNSEEN))
    assert found.result is Result.UNKNOWN


def test_cannot_tell_what_a_template_among_extra_objects_becomes() -> None:
    values = {"sharedStorage": {"create": True}, "extraObjects": ["{{ .Values.none.at.all }}"]}
    found = [f for f in judged(RULE, upgraded(CONNECT, "0.20.13", "0.21.0", values)) if f.result is not Result.PASSED]
    assert [(f.result, f.message.split(" ")[0]) for f in found] == [(Result.UNKNOWN, "extraObjects[0]")]
    assert "0.21.0: helm template" in found[0].how
