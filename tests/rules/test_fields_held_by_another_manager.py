from typing import Any

from auditor.model.action import HandBackFields
from auditor.model.finding import Result
from auditor.model.held import HeldField
from tests.builders import UNSEEN, held_field, object_ref, package_manager
from tests.rules.judging import fix_of, judged, only

RULE = "fields-held-by-another-manager"


def finding(**fields: Any) -> Any:
    return only(RULE, package_manager(held_fields=(held_field(**fields),)))


def test_fails_and_hands_back_what_a_person_changed() -> None:
    found = finding(manager="kubectl", subresource="scale")
    assert found.result is Result.FAILED
    (evidence,) = found.evidence
    assert (evidence.field, evidence.observed) == (".spec.replicas", "3 (by kubectl, Update, scale)")
    assert evidence.expected == "1"
    fix = fix_of(found)
    (action,) = fix.actions
    assert isinstance(action, HandBackFields)
    assert fix.safe
    assert [held.field for held in action.fields] == [".spec.replicas"]


def test_fails_without_a_fix_where_a_controller_holds_it() -> None:
    """A hand-back would last until the controller sets its value again."""
    for manager, subresource, name in (
        ("kube-controller-manager", "scale", "HorizontalPodAutoscaler"),
        ("vpa-updater", "", "VerticalPodAutoscaler"),
        ("argocd-controller", "", "Argo CD"),
        ("helm-controller", "", "Flux"),
        ("kustomize-controller", "", "Flux"),
        ("anything", "status", "controller of its status"),
    ):
        found = finding(manager=manager, subresource=subresource)
        assert found.result is Result.FAILED
        assert name in found.message
        assert fix_of(found).actions == ()
        assert "values key replicas" in fix_of(found).summary


def test_fails_without_a_fix_where_the_manager_is_unknown() -> None:
    found = finding(manager="my-operator")
    assert fix_of(found).actions == ()
    assert "--unsafe" in fix_of(found).summary


def test_fails_once_for_each_object_and_kind_of_manager() -> None:
    fields: tuple[HeldField, ...] = (
        held_field(manager="kubectl"),
        held_field(manager="kubectl-edit", path=("f:spec", "f:minReadySeconds")),
        held_field(manager="argocd-controller", path=("f:spec", "f:paused")),
        held_field(manager="kubectl", object=object_ref("Service", "rstudio-pm"), path=("f:spec", "f:type")),
    )
    found = judged(RULE, package_manager(held_fields=fields))
    assert [(one.object.kind, len(one.evidence)) for one in found] == [
        ("Deployment", 1),
        ("Deployment", 2),
        ("Service", 1),
    ]


def test_fails_without_showing_what_may_be_secret() -> None:
    found = finding(manager="kubectl", shown=False, observed=None, expected=None)
    assert found.evidence[0].expected == "<withheld>"
    assert found.evidence[0].observed.startswith("<withheld>")


def test_passes_where_helm_alone_holds_its_fields() -> None:
    assert only(RULE, package_manager()).result is Result.PASSED


def test_cannot_tell_without_the_objects() -> None:
    assert only(RULE, package_manager(held_fields=UNSEEN)).result is Result.UNKNOWN
