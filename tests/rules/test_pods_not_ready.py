from auditor.model.finding import Result
from auditor.model.seen import Withheld
from auditor.model.snapshot import Event
from tests.builders import UNSEEN, package_manager, pod, workload
from tests.rules.judging import fix_of, only

RULE = "pods-not-ready"
NONE_READY = workload(ready_replicas=0)


def test_fails_with_the_reason_that_the_pod_waits_for() -> None:
    waiting = (pod(ready=False, phase="Pending", waiting_reason="ImagePullBackOff"),)
    finding = only(RULE, package_manager(workload=NONE_READY, pods=waiting))
    assert finding.result is Result.FAILED
    assert "ImagePullBackOff" in finding.message


def test_fails_when_no_pod_is_there() -> None:
    assert only(RULE, package_manager(workload=NONE_READY, pods=())).result is Result.FAILED


def test_fails_whatever_a_pod_on_its_way_out_waits_for() -> None:
    leaving = (pod(ready=False, deleting=True, waiting_reason="CrashLoopBackOff"),)
    finding = only(RULE, package_manager(workload=NONE_READY, pods=leaving))
    assert finding.result is Result.FAILED
    assert "no pod is there" in finding.message


def test_fails_where_the_old_pod_serves_on_and_the_new_one_does_not_start() -> None:
    pods = (pod(), pod(name="new", ready=False, phase="Pending", waiting_reason="ImagePullBackOff"))
    rollout = workload(unfinished="1 old replicas still to go")
    finding = only(RULE, package_manager(workload=rollout, pods=pods))
    assert finding.result is Result.FAILED
    assert "rollout" in finding.message
    assert "1 old replicas still to go (ImagePullBackOff)" in finding.message


def test_fails_with_what_the_deployment_says_where_new_pods_are_refused() -> None:
    halted = {"FailedCreate": 'pods "pm-1" is forbidden: exceeded quota: small'}
    finding = only(RULE, package_manager(workload=workload(ready_replicas=0, halted=halted), pods=()))
    assert finding.result is Result.FAILED
    assert "(FailedCreate)" in finding.message
    assert "exceeded quota" in finding.evidence[0].observed
    assert "describe deployment rstudio-pm" in fix_of(finding).summary


def test_fails_where_pods_run_and_the_deadline_passed() -> None:
    late = workload(ready_replicas=0, halted={"ProgressDeadlineExceeded": "timed out progressing."})
    assert only(RULE, package_manager(workload=late, pods=(pod(ready=False),))).result is Result.FAILED


def test_fails_with_nothing_but_a_pod_that_was_evicted() -> None:
    finding = only(RULE, package_manager(workload=NONE_READY, pods=(pod(ready=False, phase="Failed"),)))
    assert finding.result is Result.FAILED
    assert "no pod is there" in finding.message


def test_cannot_tell_while_old_pods_are_still_to_go() -> None:
    finding = only(RULE, package_manager(workload=workload(unfinished="1 old replicas still to go")))
    assert finding.result is Result.UNKNOWN


def test_passes_when_all_are_ready() -> None:
    assert only(RULE, package_manager()).result is Result.PASSED


def test_passes_when_none_were_asked_for() -> None:
    assert only(RULE, package_manager(workload=workload(replicas=0), pods=())).result is Result.PASSED


def test_cannot_tell_while_pods_start() -> None:
    starting = (pod(ready=False, phase="Pending", waiting_reason="ContainerCreating"),)
    finding = only(RULE, package_manager(workload=NONE_READY, pods=starting))
    assert finding.result is Result.UNKNOWN
    assert "describe pods --selector app.kubernetes.io/instance=rstudio-pm" in finding.how


def warning(reason: str, message: str = "It says so.", count: int = 5) -> Event:
    return Event(object=pod().ref, reason=reason, message=Withheld(message), count=count)


STARTING = (pod(ready=False, phase="Pending", waiting_reason="ContainerCreating"),)


def test_fails_where_kubernetes_says_again_and_again_that_the_volume_cannot_be_had() -> None:
    events = (warning("FailedAttachVolume", "Multi-Attach error for volume"),)
    finding = only(RULE, package_manager(workload=NONE_READY, pods=STARTING, events=events))
    assert finding.result is Result.FAILED
    assert "(FailedAttachVolume)" in finding.message
    assert "Multi-Attach error (5 times)" in finding.evidence[-1].observed


def test_a_warning_that_came_once_is_part_of_a_start() -> None:
    events = (warning("FailedMount", count=1),)
    finding = only(RULE, package_manager(workload=NONE_READY, pods=STARTING, events=events))
    assert finding.result is Result.UNKNOWN


def test_a_start_that_waits_for_the_kubelets_walk_says_how_far_it_is() -> None:
    events = (warning("VolumePermissionChangeInProgress", "processed 90000 files."),)
    finding = only(RULE, package_manager(workload=NONE_READY, pods=STARTING, events=events))
    assert finding.result is Result.UNKNOWN
    assert "processed 90000 files" in finding.message


def test_without_events_it_judges_by_the_pods() -> None:
    finding = only(RULE, package_manager(workload=NONE_READY, pods=STARTING, events=UNSEEN))
    assert finding.result is Result.UNKNOWN


def test_cannot_tell_without_seeing_pods() -> None:
    assert only(RULE, package_manager(pods=UNSEEN)).result is Result.UNKNOWN
