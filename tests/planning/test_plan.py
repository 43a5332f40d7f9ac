"""Findings become a plan: merged, ordered, and what is held says why."""

from __future__ import annotations

import random

import msgspec
import pytest

from auditor.model.action import Action, ChangeOwnership, PatchValues
from auditor.model.finding import Fix, Result, Severity
from auditor.model.helm import HelmStatus
from auditor.model.ownership import Owner
from auditor.model.plan import Plan
from auditor.model.seen import Unseen
from auditor.model.snapshot import ReleaseRef
from auditor.worker.limits import IN_WORDS
from tests.builders import (
    CONNECT,
    claim,
    claim_name,
    connect,
    finding,
    helm_record,
    object_ref,
    package_manager,
    pod,
    snapshot,
    workload,
)
from tests.steps import edit, label, ownership, patch, planned, wanting


def test_a_plan_of_no_failures_is_empty() -> None:
    plan = planned(finding(result=Result.PASSED), finding(result=Result.UNKNOWN))
    assert (plan.steps, plan.held) == ((), ())


def test_one_of_two_servers_that_may_run_content_as_an_account_is_enough_to_label_it() -> None:
    one, other = (object_ref("ServiceAccount", name) for name in ("one", "other"))
    (step,) = planned(wanting(label(servers=(other,)), rule="a"), wanting(label(servers=(one,)), rule="b")).steps
    assert step.action == label(servers=(one, other))


def test_an_account_of_kubernetes_itself_is_never_labelled() -> None:
    plan = planned(wanting(label(namespace="kube-public")), unsafe=True)
    assert plan.steps == ()
    assert "namespace of Kubernetes itself" in plan.held[0].reason


def test_two_findings_that_ask_for_the_same_label_become_one_step_with_both_rules() -> None:
    plan = planned(wanting(label(), rule="a"), wanting(label(), rule="b"))
    assert [(s.id, s.rules) for s in plan.steps] == [("label-service-account:posit/content", ("a", "b"))]


def test_an_account_that_two_releases_share_is_labelled_once() -> None:
    first, second = ReleaseRef("posit", "one"), ReleaseRef("posit", "two")
    plan = planned(wanting(label(), release=second), wanting(label(), release=first))
    assert [s.release for s in plan.steps] == [first]


def test_edits_of_one_release_become_one_step() -> None:
    plan = planned(
        wanting(patch(edit("delete", "a.b")), rule="a"),
        wanting(patch(edit("set", "c", 1)), rule="b"),
        wanting(patch(edit("set", "c", 1, reason="other words")), rule="c"),
    )
    (only,) = plan.steps
    assert isinstance(only.action, PatchValues)
    assert [(e.op, e.path) for e in only.action.edits] == [("delete", ("a", "b")), ("set", ("c",))]
    assert only.rules == ("a", "b", "c")


def test_the_larger_count_and_all_activations_survive_a_merge_of_ownership_actions() -> None:
    plan = planned(
        wanting(ownership(wrong=10, move_aside=("verify",)), rule="a"),
        wanting(ownership(wrong=20, move_aside=(".local",)), rule="b"),
    )
    (only,) = plan.steps
    assert isinstance(only.action, ChangeOwnership)
    assert (only.action.wrong, only.action.move_aside) == (20, (".local", "verify"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (patch(edit("set", "a", 1)), patch(edit("set", "a", 2))),
        (patch(edit("set", "a.b", 1)), patch(edit("delete", "a"))),
        (patch(edit("rename", "x", to="a.b")), patch(edit("set", "a.b.c", 2))),
        (patch(revision=3), patch(revision=4)),
        (ownership(owner=Owner(999, 999)), ownership(owner=Owner(1, 1))),
        (label(value="true"), label(value="other")),
    ],
)
def test_the_later_of_two_contradicting_fixes_is_held_and_names_the_other_rule(one: Action, other: Action) -> None:
    plan = planned(wanting(one, rule="a"), wanting(other, rule="b"))
    assert [s.rules for s in plan.steps] == [("a",)]
    (held,) = plan.held
    assert held.rule == "b"
    assert "contradicts what a needs" in held.reason


def test_deleting_a_key_and_one_below_it_is_no_contradiction() -> None:
    plan = planned(wanting(patch(edit("delete", "a"))), wanting(patch(edit("delete", "a.b")), rule="b"))
    assert len(plan.steps) == 1
    assert plan.held == ()


def test_a_worse_finding_wins_over_a_milder_one() -> None:
    plan = planned(
        wanting(patch(edit("set", "a", 1)), rule="a-mild", severity=Severity.INFO),
        wanting(patch(edit("set", "a", 2)), rule="z-bad", severity=Severity.ERROR),
    )
    assert [s.rules for s in plan.steps] == [("z-bad",)]


def test_a_fix_is_planned_whole_or_not_at_all() -> None:
    plan = planned(
        wanting(patch(edit("set", "a", 1)), rule="a"),
        wanting(label(), patch(edit("set", "a", 2)), rule="b"),
    )
    assert [s.id for s in plan.steps] == ["helm-upgrade:posit/rstudio-pm"]


def test_a_fix_of_two_actions_becomes_two_steps() -> None:
    plan = planned(wanting(patch(), label()))
    assert [s.id for s in plan.steps] == ["label-service-account:posit/content", "helm-upgrade:posit/rstudio-pm"]


def test_labels_come_before_ownership_and_values_come_last_release_by_release() -> None:
    early, late = ReleaseRef("a", "r"), ReleaseRef("b", "r")
    plan = planned(
        wanting(patch(namespace="b", release="r"), release=late),
        wanting(patch(namespace="a", release="r"), release=early),
        wanting(ownership(namespace="a"), release=early),
        wanting(label(namespace="a"), release=early),
        wanting(label(namespace="b"), release=late),
    )
    assert [s.id for s in plan.steps] == [
        "label-service-account:a/content",
        f"change-ownership:a/{claim_name()}",
        "helm-upgrade:a/r",
        "label-service-account:b/content",
        "helm-upgrade:b/r",
    ]


def test_an_unsafe_fix_is_planned_only_where_it_was_asked_for() -> None:
    asked = wanting(label(), safe=False)
    assert "--unsafe" in planned(asked).held[0].reason
    assert len(planned(asked, unsafe=True).steps) == 1


def test_what_a_person_must_do_is_held_with_what_to_do() -> None:
    plan = planned(finding("a", fix=Fix(summary="Ask Posit for a license.")), finding("b"))
    assert [h.reason for h in plan.held] == [
        "Ask Posit for a license.",
        "There is no fix that could be made from here.",
    ]


def test_the_servers_own_account_is_never_labelled() -> None:
    plan = planned(wanting(label(CONNECT.value)), state=snapshot(connect()))
    assert plan.steps == ()
    assert "server's own account" in plan.held[0].reason


def test_an_account_of_the_same_name_in_another_namespace_is_labelled() -> None:
    assert len(planned(wanting(label(CONNECT.value, "elsewhere")), state=snapshot(connect())).steps) == 1


@pytest.mark.parametrize("status", [HelmStatus.PENDING_UPGRADE, HelmStatus.UNINSTALLING])
def test_values_wait_while_helm_is_at_work(status: HelmStatus) -> None:
    plan = planned(wanting(patch()), state=snapshot(package_manager(helm=helm_record(status=status))))
    assert status in plan.held[0].reason


def test_values_of_a_failed_release_can_be_patched() -> None:
    state = snapshot(package_manager(helm=helm_record(status=HelmStatus.FAILED)))
    assert len(planned(wanting(patch()), state=state).steps) == 1


def test_a_read_write_once_claim_on_two_nodes_waits() -> None:
    state = snapshot(
        package_manager(
            claims=(claim(access_modes=("ReadWriteOnce",)),),
            pods=(pod(name="a", node="node-1"), pod(name="b", node="node-2")),
        )
    )
    assert "node-1, node-2" in planned(wanting(ownership()), state=state).held[0].reason


@pytest.mark.parametrize("modes", [("ReadWriteMany",), ("ReadWriteOnce", "ReadWriteMany")])
def test_a_read_write_many_claim_on_two_nodes_does_not(modes: tuple[str, ...]) -> None:
    state = snapshot(
        package_manager(
            claims=(claim(access_modes=modes),), pods=(pod(name="a", node="node-1"), pod(name="b", node="node-2"))
        )
    )
    assert len(planned(wanting(ownership()), state=state).steps) == 1


def test_a_claim_for_one_pod_only_asks_to_scale_to_zero_while_it_is_used() -> None:
    state = snapshot(package_manager(claims=(claim(access_modes=("ReadWriteOncePod",)),)))
    assert "Scale the workload to zero" in planned(wanting(ownership()), state=state).held[0].reason
    idle = snapshot(package_manager(claims=(claim(access_modes=("ReadWriteOncePod",)),), pods=()))
    assert len(planned(wanting(ownership()), state=idle).steps) == 1


@pytest.mark.parametrize(
    ("own", "others"), [("", "connect"), ("", ""), ("data", "data/connect"), ("data/pm/", "/data/")]
)
@pytest.mark.parametrize("after_stop", [False, True])
def test_a_directory_that_another_release_has_too_is_given_to_nobody(own: str, others: str, after_stop: bool) -> None:
    shared = connect(claims=(claim(CONNECT, name=claim_name(), sub_path=others),))
    wish = wanting(ownership(path=own, after_stop=after_stop))
    plan = planned(wish, state=snapshot(package_manager(), shared))
    assert plan.steps == ()
    assert "also mounted by release posit/rstudio-connect" in plan.held[0].reason


def test_a_claim_that_pods_of_another_release_mount_is_given_to_nobody() -> None:
    shared = connect(pods=(msgspec.structs.replace(pod(CONNECT), claims=(claim_name(),)),))
    assert planned(wanting(ownership()), state=snapshot(package_manager(), shared)).steps == ()


def test_directories_of_two_releases_on_one_claim_that_do_not_overlap_are_their_own() -> None:
    shared = connect(
        claims=(claim(CONNECT, name=claim_name(), sub_path="pm-and-connect"),),
        pods=(msgspec.structs.replace(pod(CONNECT), claims=(claim_name(),)),),
    )
    assert len(planned(wanting(ownership(path="pm")), state=snapshot(package_manager(), shared)).steps) == 1


def test_a_claim_of_the_same_name_in_another_namespace_is_another() -> None:
    other = package_manager(namespace="elsewhere", claims=())
    assert len(planned(wanting(ownership()), state=snapshot(package_manager(), other)).steps) == 1


def test_facets_that_could_not_be_seen_hold_nothing_back() -> None:
    blind = Unseen(reason="Forbidden.")
    state = snapshot(package_manager(helm=blind, pods=blind, claims=blind, volumes=blind, workload=blind))
    assert len(planned(wanting(ownership()), wanting(patch(), rule="b"), state=state).steps) == 2


def test_the_order_of_findings_does_not_matter() -> None:
    findings = [
        wanting(label(name), rule=rule, object=object_ref("ServiceAccount", name))
        for name in ("x", "y")
        for rule in ("a", "b")
    ]
    findings += [wanting(patch(edit("set", "a", n)), rule=f"r{n}") for n in range(3)]
    expected = planned(*findings)
    for seed in range(20):
        random.Random(seed).shuffle(findings)
        assert planned(*findings) == expected


def test_a_plan_that_went_through_json_is_the_same_plan() -> None:
    plan = planned(
        wanting(label()),
        wanting(ownership(move_aside=("v",)), rule="b"),
        wanting(patch(edit("set", "a", [1, {"b": None}])), rule="c"),
    )
    again = msgspec.json.decode(msgspec.json.encode(plan), type=Plan)
    assert again == plan
    assert msgspec.json.encode(again) == msgspec.json.encode(plan)


def test_the_diff_names_what_changes() -> None:
    plan = planned(
        wanting(label()),
        wanting(ownership(move_aside=("verify",)), rule="b"),
        wanting(patch(edit("rename", "enableMigrations", to="enableMigration"), edit("set", "a.b", "x")), rule="c"),
    )
    text = "\n".join(line for s in plan.steps for line in s.diff)
    assert '+   connect.posit.co/service-account: "true"' in text
    assert "at least 2,000 entries owned by another than 999:999" in text
    assert "-   verify" in text
    assert "-   enableMigrations\n+   enableMigration (same value)" in text
    assert '+   a.b: "x"' in text


@pytest.mark.parametrize("tool", ["", "Flux"])
def test_values_that_a_tool_deploys_from_a_repository_are_left_to_the_repository(tool: str) -> None:
    deployed = msgspec.structs.replace(workload(), deployed_by=tool)
    findings = [wanting(patch(edit("set", "a", 1)), rule="a"), wanting(ownership(), rule="b")]

    made = planned(*findings, state=snapshot(package_manager(workload=deployed)))

    assert [step.rules for step in made.steps] == ([("b",)] if tool else [("b",), ("a",)])
    said = "Release posit/rstudio-pm is managed by Flux, which would take the change back"
    assert [held.reason.partition(":")[0] for held in made.held] == ([said] if tool else [])


@pytest.mark.parametrize(("level", "refuses"), [("", False), ("baseline", False), ("restricted", True)])
def test_a_plan_says_that_the_namespace_will_refuse_the_job_and_the_two_ways_out(level: str, refuses: bool) -> None:
    (step,) = planned(wanting(ownership(pod_security=level))).steps
    assert ("admits no pod that runs as root" in step.interrupts) is refuses
    assert ("it enforces Pod Security level restricted" in step.interrupts) is refuses
    assert ("=baseline" in step.interrupts and "on the storage server" in step.interrupts) is refuses


def test_a_plan_says_what_cannot_be_promised_without_python_in_the_image() -> None:
    placement = msgspec.structs.replace(ownership().placement, has_python="none", limits=("no-record", "no-shards"))
    (step,) = planned(wanting(ownership(placement=placement))).steps
    assert IN_WORDS["no-record"] in step.interrupts
    assert IN_WORDS["no-shards"] in step.interrupts
    assert IN_WORDS["no-bits"] not in step.interrupts
    assert step.undo == f"Not exactly: {IN_WORDS['no-record']}."
    kept = msgspec.structs.replace(placement, limits=("no-shards",))
    (step,) = planned(wanting(ownership(placement=kept))).steps
    assert step.undo.startswith("posit-audit undo")
