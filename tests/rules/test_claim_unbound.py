from auditor.model.finding import Result
from auditor.model.seen import Withheld
from auditor.model.snapshot import Event
from tests.builders import UNSEEN, claim, package_manager, workload
from tests.rules.judging import only

RULE = "claim-unbound"
PENDING = (claim(phase="Pending"),)
LATE = {"nfs": {"volumeBindingMode": "WaitForFirstConsumer"}}


def test_fails_when_the_claim_is_pending() -> None:
    finding = only(RULE, package_manager(claims=PENDING, storage_classes={"nfs": {}}))
    assert finding.result is Result.FAILED
    assert "Pending" in finding.message
    assert "StorageClass" not in finding.message


def test_fails_and_says_that_the_storage_class_is_missing() -> None:
    assert "no StorageClass nfs" in only(RULE, package_manager(claims=PENDING)).message


def test_fails_and_says_that_the_volume_is_gone() -> None:
    assert "volume is gone" in only(RULE, package_manager(claims=(claim(phase="Lost"),))).message


def test_fails_where_storage_classes_were_not_seen() -> None:
    finding = only(RULE, package_manager(claims=PENDING, storage_classes=UNSEEN))
    assert finding.result is Result.FAILED
    assert "StorageClass" not in finding.message


def test_fails_when_a_pod_is_there_to_bind_it_for() -> None:
    assert only(RULE, package_manager(claims=PENDING, storage_classes=LATE)).result is Result.FAILED


def test_passes_when_the_claim_is_bound() -> None:
    assert only(RULE, package_manager()).result is Result.PASSED


def test_passes_when_it_waits_for_a_pod_that_nobody_asked_for() -> None:
    idle = package_manager(claims=PENDING, storage_classes=LATE, workload=workload(replicas=0))
    assert only(RULE, idle).result is Result.PASSED


def test_cannot_tell_without_seeing_claims() -> None:
    assert only(RULE, package_manager(claims=UNSEEN)).result is Result.UNKNOWN


def test_cannot_tell_whether_it_waits_for_a_pod_without_seeing_storage_classes() -> None:
    idle = package_manager(claims=PENDING, storage_classes=UNSEEN, workload=workload(replicas=0))
    finding = only(RULE, idle)
    assert (finding.result, finding.message) == (Result.UNKNOWN, UNSEEN.reason)


def test_what_the_provisioner_says_is_evidence() -> None:
    unbound = claim(phase="Pending")
    said = Event(object=unbound.ref, reason="ProvisioningFailed", message=Withheld("quota exceeded"), count=3)
    finding = only(RULE, package_manager(claims=(unbound,), events=(said,)))
    told = finding.evidence[-1].observed
    assert told.startswith(
        "ProvisioningFailed: quota exceeded (3 times); its message is withheld, to read it: kubectl "
    )
    assert told.endswith(f"involvedObject.name={unbound.ref.name}")
