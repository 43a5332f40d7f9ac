from auditor.model.finding import Result
from tests.builders import UNSEEN, hook_job, package_manager
from tests.rules.judging import only

RULE = "upgrade-hook-stuck"


def test_fails_when_the_hooks_image_cannot_be_pulled() -> None:
    finding = only(RULE, package_manager(hook_jobs=(hook_job(active=1, waiting_reason="ImagePullBackOff"),)))
    assert finding.result is Result.FAILED
    assert "ImagePullBackOff" in finding.message


def test_fails_when_the_hook_failed() -> None:
    assert only(RULE, package_manager(hook_jobs=(hook_job(failed=6),))).result is Result.FAILED


def test_passes_without_a_hook_job() -> None:
    assert only(RULE, package_manager()).result is Result.PASSED


def test_passes_when_the_hook_succeeded() -> None:
    assert only(RULE, package_manager(hook_jobs=(hook_job(succeeded=1),))).result is Result.PASSED


def test_cannot_tell_while_the_hook_runs() -> None:
    assert only(RULE, package_manager(hook_jobs=(hook_job(active=1),))).result is Result.UNKNOWN


def test_cannot_tell_without_seeing_jobs() -> None:
    assert only(RULE, package_manager(hook_jobs=UNSEEN)).result is Result.UNKNOWN
