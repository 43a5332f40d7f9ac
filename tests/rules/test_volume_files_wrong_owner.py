from typing import Any

import msgspec
import pytest

from auditor.model.action import ChangeOwnership
from auditor.model.finding import Result
from auditor.model.ownership import Owner
from auditor.model.seen import Unseen, Withheld
from auditor.model.snapshot import Event
from tests.builders import (
    UNSEEN,
    claim,
    efs_access_point,
    object_ref,
    package_manager,
    pod,
    pod_spec,
    probe,
    volume,
    workload,
    wrong_owner,
)
from tests.rules.judging import fix_of, only

RULE = "volume-files-wrong-owner"
WRONG = (probe(wrong_owner(2000), wrong_owner(3, owner=Owner(65534, 65534)), root_activations=("verify",)),)


def action(**facets: Any) -> ChangeOwnership:
    (found,) = fix_of(only(RULE, package_manager(ownership=WRONG, **facets))).actions
    assert isinstance(found, ChangeOwnership)
    return found


def test_fails_with_each_wrong_owner_as_evidence() -> None:
    finding = only(RULE, package_manager(ownership=WRONG))
    assert finding.result is Result.FAILED
    assert "2,003 of 2,013" in finding.message
    assert [evidence.observed.split(" ")[0] for evidence in finding.evidence] == ["0:0", "65534:65534"]
    assert finding.evidence[0].observed == "0:0 owns 2,000, such as packages/a"


def test_fails_with_a_lower_bound_where_not_everything_was_looked_at() -> None:
    finding = only(RULE, package_manager(ownership=(probe(wrong_owner(), exhaustive=False),)))
    assert finding.message.startswith("At least ")


def test_the_fix_gives_the_claim_to_the_pods_user_and_moves_activations_aside() -> None:
    found = action()
    assert fix_of(only(RULE, package_manager(ownership=WRONG))).safe
    assert (found.claim, found.claim_uid) == (claim().ref, "claim-uid")
    assert (found.owner, found.wrong, found.move_aside) == (Owner(999, 999), 2003, ("verify",))


def test_the_job_knows_what_its_namespace_admits() -> None:
    assert action(pod_security="restricted").pod_security == "restricted"
    assert action(pod_security=UNSEEN).pod_security == ""


def test_the_job_starts_as_the_servers_own_pod_does() -> None:
    spec = pod_spec(imagePullPolicy="Never") | {
        "imagePullSecrets": [{"name": "registry"}],
        "nodeSelector": {"pool": "posit"},
        "tolerations": [{"key": "dedicated", "operator": "Exists"}],
        "priorityClassName": "high",
        "affinity": {"nodeAffinity": {"required": 1}, "podAntiAffinity": {"required": 2}},
    }
    placement = action(workload=workload(spec=spec)).placement
    assert placement.image == workload().image
    assert (placement.image_pull_policy, placement.image_pull_secrets) == ("Never", ("registry",))
    assert (placement.node_selector, placement.priority_class) == ({"pool": "posit"}, "high")
    assert placement.tolerations == ({"key": "dedicated", "operator": "Exists"},)
    assert placement.affinity == {"nodeAffinity": {"required": 1}}


def test_a_shared_claim_leaves_the_node_to_the_scheduler() -> None:
    nfs = volume({"nfs": {"server": "nfs", "path": "/"}})
    assert action(volumes=(nfs,)).placement.node == ""


def test_an_exclusive_claim_pins_the_job_to_the_node_of_the_pod_that_stays() -> None:
    pods = (pod(name="old", node="node-1", deleting=True), pod(name="new", node="node-2"))
    assert action(claims=(claim(access_modes=("ReadWriteOnce",)),), pods=pods).placement.node == "node-2"


def test_a_directory_of_the_node_pins_the_job_whatever_the_access_modes_say() -> None:
    assert action().placement.node == "node-1"


def test_the_fix_is_withheld_on_storage_that_lets_nobody_change_owners() -> None:
    smb = volume({"csi": {"driver": "smb.csi.k8s.io"}, "accessModes": ["ReadWriteMany"]})
    assert fix_of(only(RULE, package_manager(ownership=WRONG, volumes=(smb,)))).actions == ()


@pytest.mark.parametrize("facet", ["claims", "workload", "pods"])
def test_the_finding_stands_where_no_job_can_be_planned(facet: str) -> None:
    hidden = {facet: UNSEEN, "claims": (claim(access_modes=("ReadWriteOnce",)),)} | {facet: UNSEEN}
    finding = only(RULE, package_manager(ownership=WRONG, **hidden))
    assert finding.result is Result.FAILED
    assert fix_of(finding).actions == ()


def test_fails_for_another_group_alone_and_says_that_the_user_is_right() -> None:
    finding = only(RULE, package_manager(ownership=(probe(wrong_owner(owner=Owner(999, 100))),)))
    assert finding.result is Result.FAILED
    assert "have the user but not the group of 999:999" in finding.message


def test_passes_where_the_storage_does_everything_as_its_own_user() -> None:
    strangers = (probe(wrong_owner(owner=Owner(50001, 50001))),)
    finding = only(RULE, package_manager(ownership=strangers, volumes=(efs_access_point(),)))
    assert finding.result is Result.PASSED
    assert "EFS replaces the client's user and group" in finding.message


def test_passes_when_all_entries_belong_to_the_pods_user() -> None:
    assert only(RULE, package_manager()).result is Result.PASSED


def test_passes_with_the_share_that_a_sample_would_have_found() -> None:
    finding = only(RULE, package_manager(ownership=(probe(exhaustive=False, detectable_share=0.002),)))
    assert finding.result is Result.PASSED
    assert "0.2%" in finding.message


def test_a_look_that_ended_at_its_limit_says_how_much_it_saw_and_what_it_proves() -> None:
    sampled = probe(exhaustive=False, seen=2000, detectable_share=0.002)
    sampled = msgspec.structs.replace(sampled, estimated=3_000_000, detectable_directories=0.03)
    finding = only(RULE, package_manager(ownership=(sampled,)))
    assert "2,000 of about 3,000,000 entries" in finding.message
    assert "with 95 % where they are 0.2% of all, or fill 3% of the directories" in finding.message


def test_passes_for_a_server_that_runs_as_root() -> None:
    assert only(RULE, package_manager(ownership=(probe(expected=Owner(0, 0), seen=0),))).result is Result.PASSED


def test_passes_without_a_claim() -> None:
    assert only(RULE, package_manager(ownership=(), claims=())).result is Result.PASSED


def test_passes_over_a_claim_that_is_not_there() -> None:
    assert only(RULE, package_manager(ownership=(), claims=(claim(exists=False),))).result is Result.PASSED


def test_cannot_tell_when_the_look_failed() -> None:
    finding = only(RULE, package_manager(ownership=(probe(problem=UNSEEN),)))
    assert (finding.result, finding.message, finding.how) == (Result.UNKNOWN, UNSEEN.reason, UNSEEN.how)


def test_cannot_tell_when_only_a_part_was_looked_at() -> None:
    finding = only(RULE, package_manager(ownership=(probe(exhaustive=False),)))
    assert finding.result is Result.UNKNOWN
    assert finding.message.startswith("The first 2,013 entries")


def test_cannot_tell_of_a_claim_that_nobody_looked_into() -> None:
    finding = only(RULE, package_manager(ownership=()))
    assert finding.result is Result.UNKNOWN
    assert finding.object == object_ref("PersistentVolumeClaim", claim().ref.name)


def test_cannot_tell_while_the_kubelet_goes_through_the_volume_and_says_so() -> None:
    nobody = Unseen(reason="No running and ready pod mounts it.", how="Later.")
    walk = Event(object=pod().ref, reason="VolumePermissionChangeInProgress", message=Withheld("processed 9 files."))
    finding = only(RULE, package_manager(ownership=(probe(problem=nobody),), events=(walk,)))
    assert finding.result is Result.UNKNOWN
    assert "processed 9 files" in finding.message


def test_a_claim_that_only_one_pod_may_have_is_re_owned_while_the_server_is_stopped_and_only_if_asked_for() -> None:
    exclusive = package_manager(
        ownership=(probe(wrong_owner()),), claims=(claim(access_modes=("ReadWriteOncePod",)),), workload=workload()
    )
    fix = fix_of(only(RULE, exclusive))
    down, change, up = fix.actions
    assert not fix.safe
    assert (down.replicas, change.after_stop, up.replicas) == (0, True, 1)
    idle = msgspec.structs.replace(exclusive, workload=workload(replicas=0), pods=())
    assert [type(action) for action in fix_of(only(RULE, idle)).actions] == [ChangeOwnership]
