from auditor.model.action import ScaleWorkload
from auditor.model.finding import Result
from tests.builders import UNSEEN, package_manager, workload
from tests.rules.judging import fix_of, only

RULE = "workload-left-stopped"
MARKS = {"posit-audit/replicas": "2", "posit-audit/ownership-worker": "python"}


def test_fails_and_starts_as_many_as_there_were() -> None:
    found = only(RULE, package_manager(workload=workload(replicas=0, marks=MARKS)))
    assert found.result is Result.FAILED
    (action,) = fix_of(found).actions
    assert isinstance(action, ScaleWorkload)
    assert (action.before, action.replicas, action.marks, action.wait) == (0, 2, MARKS, True)


def test_passes_where_somebody_else_stopped_it() -> None:
    assert only(RULE, package_manager(workload=workload(replicas=0))).result is Result.PASSED


def test_fails_where_it_runs_and_is_still_marked() -> None:
    """A stale mark would make somebody else's stop look like ours."""
    found = only(RULE, package_manager(workload=workload(replicas=3, marks=MARKS)))
    (action,) = fix_of(found).actions
    assert isinstance(action, ScaleWorkload)
    assert (action.replicas, set(action.marks)) == (3, set(MARKS))


def test_passes_where_it_runs() -> None:
    assert only(RULE, package_manager()).result is Result.PASSED


def test_cannot_tell_without_the_deployment() -> None:
    assert only(RULE, package_manager(workload=UNSEEN)).result is Result.UNKNOWN
