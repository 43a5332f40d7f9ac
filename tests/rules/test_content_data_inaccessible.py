from __future__ import annotations

from typing import Any

from auditor.model.action import ChangeOwnership
from auditor.model.finding import Finding, Result
from auditor.model.ownership import ContentData, ContentDirectory, Owner
from auditor.model.seen import Unseen
from tests.builders import CONNECT, UNSEEN, claim, connect, content_directory, object_ref, workload, wrong_owner
from tests.rules.judging import fix_of, judged, only, results

RULE = "content-data-inaccessible"
ROOTS = wrong_owner(7, samples=("app.R", "src/a"))


def of(*directories: ContentDirectory, left_out: int = 0, **facets: Any) -> tuple[Finding, ...]:
    return judged(RULE, connect(content_data=ContentData(directories=directories, left_out=left_out), **facets))


def test_fails_for_each_directory_that_is_shut_with_whose_it_is() -> None:
    other = content_directory(wrong_owner(1), sub_path="apps/18/1", exhaustive=False)

    one, two = of(content_directory(ROOTS), other)

    assert one.result is two.result is Result.FAILED
    assert one.object == claim(CONNECT).ref
    assert one.message == (
        "Content can't read 7 of 40 entries in /var/lib/rstudio-connect/apps/17/3 on PersistentVolumeClaim "
        "posit/rstudio-connect-shared-storage: it runs as 999:999."
    )
    (evidence,) = one.evidence
    assert evidence.observed == "7 of 0:0 can't be read, such as app.R, src/a"
    assert evidence.expected == "readable by 999:999, as which Job posit/report runs"
    assert "can't read at least 1 of 40" in two.message


def test_fails_where_content_is_to_write_and_may_not() -> None:
    shut = content_directory(top_owner=Owner(0, 0), top_writable=False)
    (finding,) = of(shut)
    assert finding.result is Result.FAILED
    assert finding.message.startswith("Content can't write to the directory /var/lib/rstudio-connect/apps/17/3 ")
    assert finding.evidence[0].observed == "belongs to 0:0, and can't be written to"


def test_what_is_mounted_for_reading_need_not_be_writable() -> None:
    (finding,) = of(content_directory(top_owner=Owner(0, 0), top_writable=False, writes=False))
    assert finding.result is Result.PASSED


def test_the_fix_gives_that_directory_to_its_user_and_only_where_it_is_asked_for() -> None:
    (finding,) = of(content_directory(ROOTS))
    fix = fix_of(finding)
    (action,) = fix.actions
    assert isinstance(action, ChangeOwnership)
    assert (action.claim, action.path, action.owner, action.wrong) == (
        claim(CONNECT).ref,
        "apps/17/3",
        Owner(999, 999),
        7,
    )
    assert action.placement.image == workload(CONNECT).image
    assert not fix.safe


def test_what_is_shut_to_its_own_owner_is_left_to_a_person() -> None:
    for shut in (
        content_directory(ROOTS, wrong_owner(1, owner=Owner(999, 0))),
        content_directory(top_owner=Owner(999, 999), top_writable=False),
    ):
        (finding,) = of(shut)
        assert fix_of(finding).actions == ()
        assert "chmod" in fix_of(finding).summary


def test_without_the_claim_no_job_is_planned() -> None:
    (finding,) = of(content_directory(ROOTS), claims=UNSEEN)
    assert fix_of(finding).actions == ()
    assert UNSEEN.reason in fix_of(finding).summary


def test_passes_with_how_much_was_looked_at() -> None:
    (finding,) = of(content_directory(), content_directory(sub_path="apps/18/1"), left_out=12)
    assert finding.result is Result.PASSED
    assert "gets at the 2 directories (80 entries)" in finding.message
    assert "12 of older content were not looked at" in finding.message


def test_cannot_tell_where_a_look_met_its_limit_or_an_access_control_list() -> None:
    limited, listed, good = of(
        content_directory(exhaustive=False),
        content_directory(sub_path="apps/18/1", has_acl=2),
        content_directory(sub_path="apps/19/1"),
    )
    assert (limited.result, listed.result, good.result) == (Result.UNKNOWN, Result.UNKNOWN, Result.PASSED)
    assert "the first 40 entries" in limited.message
    assert "2 of 40 entries" in listed.message
    assert "the directory (40 entries)" in good.message


def test_cannot_tell_where_the_look_failed() -> None:
    (finding,) = of(content_directory(problem=Unseen(reason="No ready pod.", how="Scan again.")))
    assert (finding.result, finding.message, finding.how) == (Result.UNKNOWN, "No ready pod.", "Scan again.")


def test_cannot_tell_while_no_content_is_there() -> None:
    (finding,) = of()
    assert finding.result is Result.UNKNOWN
    assert finding.object == object_ref("Release", "rstudio-connect")
    assert finding.how == "Scan while content runs."


def test_cannot_tell_what_was_not_seen() -> None:
    assert only(RULE, connect(content_data=UNSEEN)).result is Result.UNKNOWN


def test_says_nothing_of_content_that_runs_in_the_server() -> None:
    assert results(RULE, connect(content_data=None)) in ([], [Result.PASSED])
