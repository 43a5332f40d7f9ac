"""The judge turns checks into findings, and lets no release go without an answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from auditor.model.finding import Fix, Judgement, Result, Rule, Severity, failed
from auditor.model.product import Product
from auditor.model.seen import seen
from auditor.model.snapshot import Facet, ReleaseState
from auditor.rules import LoadedRule, judge
from tests.builders import UNSEEN, connect, package_manager, snapshot

Check = Callable[[ReleaseState], Iterator[Judgement]]


def loaded(check: Check, *, id: str = "a-rule", reads: frozenset[Facet] = frozenset()) -> LoadedRule:  # noqa: A002
    rule = Rule(
        title="Something is off",
        severity=Severity.WARNING,
        products=frozenset({Product.PACKAGE_MANAGER}),
        reads=reads,
        why="Why.",
        remedy="What to do.",
        source="https://example.com/x",
    )
    return LoadedRule(id=id, rule=rule, check=check)


def silent(release: ReleaseState) -> Iterator[Judgement]:
    yield from ()


def test_a_silent_check_has_passed() -> None:
    (finding,) = judge(snapshot(package_manager()), [loaded(silent)])
    assert (finding.result, finding.object.kind) == (Result.PASSED, "Release")
    assert "Something is off" in finding.message


def test_a_rule_is_not_asked_about_the_other_product() -> None:
    assert judge(snapshot(connect()), [loaded(silent)]) == ()


def test_the_rule_and_the_release_are_added_to_a_judgement() -> None:
    def check(release: ReleaseState) -> Iterator[Judgement]:
        yield failed(release.object, "Broken.", fix=Fix(summary="Mend it."))

    (finding,) = judge(snapshot(package_manager(name="pm")), [loaded(check)])
    assert (finding.rule, finding.severity, finding.release.name) == ("a-rule", Severity.WARNING, "pm")
    assert finding.fix == Fix(summary="Mend it.")


def test_a_declared_facet_that_is_unseen_is_not_asked_about() -> None:
    def check(release: ReleaseState) -> Iterator[Judgement]:
        pytest.fail("must not be asked")
        yield

    rule = loaded(check, reads=frozenset({Facet.PODS, Facet.CLAIMS}))
    (finding,) = judge(snapshot(package_manager(pods=UNSEEN, claims=UNSEEN)), [rule])
    assert (finding.result, finding.message, finding.how) == (Result.UNKNOWN, UNSEEN.reason, UNSEEN.how)


def test_what_was_judged_before_something_unseen_stays() -> None:
    def check(release: ReleaseState) -> Iterator[Judgement]:
        yield failed(release.object, "Broken.")
        seen(release.pods)

    findings = judge(snapshot(package_manager(pods=UNSEEN)), [loaded(check)])
    assert [finding.result for finding in findings] == [Result.FAILED, Result.UNKNOWN]


@pytest.mark.parametrize("error", [KeyError, IndexError, TypeError, ValueError, AttributeError])
def test_a_check_that_stumbles_is_unknown_and_tells_no_value(error: type[Exception]) -> None:
    def check(release: ReleaseState) -> Iterator[Judgement]:
        raise error("canary")
        yield

    (finding,) = judge(snapshot(package_manager()), [loaded(check)])
    assert finding.result is Result.UNKNOWN
    assert error.__name__ in finding.message
    assert "a-rule" in finding.message
    assert "canary" not in repr(finding)


def test_the_order_is_by_release_and_rule_whatever_came_first() -> None:
    one, other = package_manager(name="a"), package_manager(name="b")
    rules = [loaded(silent, id="z"), loaded(silent, id="c")]
    findings = judge(snapshot(other, one), rules)
    assert [(f.release.name, f.rule) for f in findings] == [("a", "c"), ("a", "z"), ("b", "c"), ("b", "z")]
    assert findings == judge(snapshot(one, other), reversed(rules))
