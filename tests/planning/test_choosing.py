"""--only and --skip: by step, rule or release; whole findings, whole groups, and an error that lists what there is."""

from __future__ import annotations

import pytest

from auditor.model.finding import Finding
from auditor.model.plan import Plan
from auditor.model.snapshot import ReleaseRef
from auditor.planning.choosing import Choice, SplitGroup, UnknownName, chosen, narrowed
from tests.builders import finding, package_manager, snapshot
from tests.steps import edit, label, ownership, patch, planned, scale, upgrade, wanting

ONE, TWO = ReleaseRef("a", "one"), ReleaseRef("b", "two")
LABEL = wanting(label(namespace="a"), release=ONE, rule="unlabelled")
OWN = wanting(ownership(namespace="a"), release=ONE, rule="wrong-owner")
RENAME = wanting(patch(release="one", namespace="a"), release=ONE, rule="misspelled")
SET = wanting(
    patch(edit("set", "license.file.secretKey", "x"), release="one", namespace="a"), release=ONE, rule="key-missing"
)
OTHER = wanting(label(namespace="b"), release=TWO, rule="unlabelled")
EVERY = (LABEL, OWN, RENAME, SET, OTHER)
LABEL_ID, OTHER_ID, HELM = "label-service-account:a/content", "label-service-account:b/content", "helm-upgrade:a/one"
(OWN_ID,) = (step.id for step in planned(OWN).steps)
STATE = snapshot(package_manager())
RULES = ("unlabelled", "wrong-owner", "misspelled", "key-missing", "found-nothing")


def choose(*findings: Finding, only: tuple[str, ...] = (), skip: tuple[str, ...] = ()) -> Plan:
    return chosen(STATE, findings or EVERY, Choice(only=only, skip=skip), rules=RULES)


def ids(plan: Plan) -> list[str]:
    return [step.id for step in plan.steps]


def test_without_a_choice_it_is_the_plan() -> None:
    assert choose() == planned(*EVERY)


@pytest.mark.parametrize(
    ("names", "taken"),
    [
        ((LABEL_ID,), [LABEL_ID]),
        (("unlabelled",), [LABEL_ID, OTHER_ID]),
        (("b/two",), [OTHER_ID]),
        (("a/one",), [LABEL_ID, OWN_ID, HELM]),
        (("wrong-owner", OTHER_ID), [OWN_ID, OTHER_ID]),
        (("found-nothing",), []),
    ],
)
def test_only_takes_and_skip_leaves_the_rest(names: tuple[str, ...], taken: list[str]) -> None:
    every = ids(planned(*EVERY))
    assert ids(choose(only=names)) == taken
    assert ids(choose(skip=names)) == [id_ for id_ in every if id_ not in taken]


def test_skip_wins_over_only() -> None:
    assert ids(choose(only=("a/one",), skip=(OWN_ID,))) == [LABEL_ID, HELM]


def test_a_step_does_for_the_rules_that_were_chosen_and_no_more() -> None:
    """What --rule did: the values are patched for one rule and not for the other."""
    (step,) = choose(only=("misspelled",)).steps
    assert (step.id, step.rules, len(step.action.edits)) == (HELM, ("misspelled",), 1)  # type: ignore[union-attr]
    (both,) = choose(only=(HELM,)).steps
    assert both.rules == ("key-missing", "misspelled")


def test_what_was_left_out_is_kept_with_its_steps() -> None:
    left = choose(skip=("misspelled", "b/two")).left_out
    assert [(str(each.release), each.rule, each.steps) for each in left] == [
        ("a/one", "misspelled", (HELM,)),
        ("b/two", "unlabelled", (OTHER_ID,)),
    ]


def test_what_would_not_be_planned_anyway_was_not_left_out_on_request() -> None:
    by_hand, unsafe = finding("by-hand", release=ONE), wanting(label("x", "a"), release=ONE, safe=False, rule="unsafe")
    plan = chosen(STATE, (*EVERY, by_hand, unsafe), Choice(only=("b/two",)), rules=(*RULES, "by-hand", "unsafe"))
    assert {each.rule for each in plan.left_out} == {"unlabelled", "wrong-owner", "misspelled", "key-missing"}
    assert plan.held == ()


def test_an_unknown_name_is_told_with_what_there_is() -> None:
    with pytest.raises(UnknownName) as unknown:
        choose(only=("nosuch",), skip=("a/none", LABEL_ID))
    said = str(unknown.value)
    assert "no step, rule or release 'nosuch', 'a/none' to take" in said
    for name in (LABEL_ID, OWN_ID, HELM, OTHER_ID, "wrong-owner", "a/one", "b/two", "posit/rstudio-pm"):
        assert name in said
    assert "found-nothing" not in said
    with pytest.raises(UnknownName, match="steps: none; rules with a step: none; releases: posit/rstudio-pm"):
        chosen(STATE, (), Choice(only=("x",)))


UPGRADE = wanting(
    *(scale(1, 0, "a"), ownership(namespace="a", after_stop=True)),
    *(upgrade("one", "a"), scale(0, 1, "a")),
    release=ONE,
    rule="chart-not-at-target",
)
GROUP = ids(planned(UPGRADE))


@pytest.mark.parametrize("name", [*GROUP, "chart-not-at-target", "a/one"])
def test_a_finding_is_taken_and_left_out_whole(name: str) -> None:
    assert set(GROUP) <= set(ids(choose(UPGRADE, LABEL, only=(name,))))
    assert not set(GROUP) & set(ids(choose(UPGRADE, LABEL, skip=(name,))))


@pytest.mark.parametrize(
    "choice",
    [Choice(skip=("chart-not-at-target",)), Choice(only=("wrong-owner",)), Choice(only=("misspelled", "wrong-owner"))],
)
def test_a_group_that_would_be_parted_is_refused_and_named(choice: Choice) -> None:
    """The owners for the new chart without the new chart; and a patch is not the upgrade, though its id is the same."""
    with pytest.raises(SplitGroup) as split:
        chosen(STATE, (UPGRADE, OWN, RENAME), choice, rules=(*RULES, "chart-not-at-target"))
    for id_ in GROUP:
        assert id_ in split.value.message
        assert f"--skip {id_}" in split.value.hint


def test_the_values_can_be_patched_without_the_upgrade() -> None:
    (step,) = choose(UPGRADE, RENAME, only=("misspelled",)).steps
    assert (step.id, step.action.kind if hasattr(step.action, "kind") else type(step.action).__name__) == (
        HELM,
        "PatchValues",
    )


def test_a_kept_plan_is_narrowed_by_steps_as_they_are() -> None:
    kept = planned(*EVERY)
    assert narrowed(kept, Choice()) == kept
    assert ids(narrowed(kept, Choice(only=("misspelled",)))) == [HELM]
    assert ids(narrowed(kept, Choice(skip=("misspelled", "b/two")))) == [LABEL_ID, OWN_ID]
    left = narrowed(kept, Choice(skip=("unlabelled",))).left_out
    assert [(str(each.object), each.steps) for each in left] == [
        ("ServiceAccount a/content", (LABEL_ID,)),
        ("ServiceAccount b/content", (OTHER_ID,)),
    ]
    with pytest.raises(UnknownName):
        narrowed(kept, Choice(skip=("nosuch",)))
    assert narrowed(kept, Choice(skip=("found-nothing",)), rules=RULES) == kept


@pytest.mark.parametrize("id_", GROUP)
def test_a_group_of_a_kept_plan_is_not_parted(id_: str) -> None:
    kept = planned(UPGRADE, LABEL)
    with pytest.raises(SplitGroup, match="depend on each other and are taken or skipped together"):
        narrowed(kept, Choice(skip=(id_,)))
    with pytest.raises(SplitGroup):
        narrowed(kept, Choice(only=(id_,)))
    assert ids(narrowed(kept, Choice(skip=tuple(GROUP)))) == [LABEL_ID]
    assert ids(narrowed(kept, Choice(only=("chart-not-at-target",)))) == GROUP
