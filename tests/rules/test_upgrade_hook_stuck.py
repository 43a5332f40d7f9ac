import pytest

from auditor.model.finding import Result
from auditor.model.snapshot import HookJob
from tests.builders import UNSEEN, hook_job, package_manager
from tests.rules.judging import only

RULE = "upgrade-hook-stuck"


def test_fails_when_the_hooks_image_cannot_be_pulled() -> None:
    finding = only(RULE, package_manager(hook_jobs=(hook_job(active=1, waiting_reason="ImagePullBackOff"),)))
    assert finding.result is Result.FAILED
    assert "ImagePullBackOff" in finding.message


def test_fails_when_the_hook_failed() -> None:
    assert only(RULE, package_manager(hook_jobs=(hook_job(failed=6, ended="Failed"),))).result is Result.FAILED


def test_passes_without_a_hook_job() -> None:
    assert only(RULE, package_manager()).result is Result.PASSED


def test_passes_when_the_hook_succeeded() -> None:
    assert (
        only(RULE, package_manager(hook_jobs=(hook_job(failed=1, succeeded=1, ended="Complete"),))).result
        is Result.PASSED
    )


@pytest.mark.parametrize("job", [hook_job(active=1), hook_job(active=1, failed=1), hook_job(failed=1)])
def test_cannot_tell_while_the_hook_runs_or_is_tried_again(job: HookJob) -> None:
    assert only(RULE, package_manager(hook_jobs=(job,))).result is Result.UNKNOWN


def test_cannot_tell_without_seeing_jobs() -> None:
    assert only(RULE, package_manager(hook_jobs=UNSEEN)).result is Result.UNKNOWN
