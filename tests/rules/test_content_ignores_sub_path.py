from typing import Any

import msgspec
import pytest

from auditor.model.finding import Finding, Result
from tests.builders import CONNECT, LAUNCHER, UNSEEN, claim, claim_name, config, connect
from tests.rules.judging import only

RULE = "content-ignores-sub-path"


def found(
    sub_path: str, said: str | None, name: str = claim_name(CONNECT), where: str = "posit", **facets: Any
) -> Finding:
    settings = {"Enabled": ("true",), "DataDirPVCName": (name,), "Namespace": (where,)}
    if said is not None:
        settings["DataDirPVCSubPath"] = (said,)
    mounted = msgspec.structs.replace(claim(CONNECT), sub_path=sub_path)
    return only(RULE, connect(**{"claims": (mounted,), "config": config(gcfg={"Kubernetes": settings}), **facets}))


@pytest.mark.parametrize(("sub_path", "said"), [("connect", None), ("connect", "other"), ("", "connect")])
def test_fails_where_server_and_content_mount_different_directories(sub_path: str, said: str | None) -> None:
    finding = found(sub_path, said)
    assert finding.result is Result.FAILED
    assert finding.evidence[0].observed == (said or "not set")


@pytest.mark.parametrize(("sub_path", "said"), [("connect", "connect"), ("connect/", '"connect"'), ("", None)])
def test_passes_where_they_mount_the_same(sub_path: str, said: str | None) -> None:
    assert found(sub_path, said).result is Result.PASSED


def test_passes_where_content_has_another_claim_or_runs_otherwise() -> None:
    assert found("connect", None, name="another").result is Result.PASSED
    assert found("connect", None, config=config(gcfg=LAUNCHER)).result is Result.PASSED
    assert found("", None, where="elsewhere").result is Result.PASSED


def test_cannot_tell_what_lies_behind_the_claim_of_another_namespace() -> None:
    finding = found("connect", None, where="elsewhere")
    assert finding.result is Result.UNKNOWN
    assert "kubectl --namespace elsewhere get pvc" in finding.how


def test_cannot_tell_without_the_claims() -> None:
    assert found("connect", None, claims=UNSEEN).result is Result.UNKNOWN
