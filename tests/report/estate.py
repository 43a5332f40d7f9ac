"""A snapshot with one of everything that a report has to tell."""

from __future__ import annotations

from auditor.model.action import LabelServiceAccount
from auditor.model.finding import Evidence, Finding, Fix, Result, Severity
from auditor.model.helm import HelmStatus
from auditor.model.seen import Unseen
from auditor.model.snapshot import Snapshot
from tests.builders import CONNECT, UNSEEN, connect, finding, helm_record, object_ref, package_manager, snapshot
from tests.builders import release_ref as ref

BAD, DARK, GOOD = "w-bad", "m-dark", "a-good"


def estate() -> Snapshot:
    return snapshot(
        package_manager(name=GOOD),
        package_manager(name=DARK, helm=None, product_version=UNSEEN, chart_version=UNSEEN),
        connect(name=BAD, helm=helm_record(CONNECT, status=HelmStatus.FAILED)),
        blind=(Unseen(reason="Namespace closed was not searched.", how="Ask for list."),),
    )


def findings() -> tuple[Finding, ...]:
    bad, dark, good = (ref(name=name) for name in (BAD, DARK, GOOD))
    secret = object_ref("Secret", "license")
    seen = Evidence(object=secret, field="data", observed="other.lic", expected="license.lic")
    return (
        finding("b-warning", release=bad, severity=Severity.WARNING, message="A warning.", fix=Fix(summary="By you.")),
        finding(
            "w-error",
            release=bad,
            object=secret,
            message="An error.",
            evidence=(seen, Evidence(object=object_ref("Pod", "p"), field="f", observed="o")),
            fix=Fix(summary="Label it.", actions=(_action(),)),
        ),
        finding(
            "c-info",
            release=bad,
            severity=Severity.INFO,
            message="A remark.",
            fix=Fix(summary="Dare.", actions=(_action(),), safe=False),
        ),
        finding("d-passed", release=bad, result=Result.PASSED, message="Fine."),
        finding("u-one", release=dark, result=Result.UNKNOWN, message="Too dark.", how="Light a lamp."),
        finding("u-two", release=dark, result=Result.UNKNOWN, message="Too dark.", how="Light a lamp."),
        finding("d-passed", release=good, result=Result.PASSED, message="Fine too."),
    )


def _action() -> LabelServiceAccount:
    return LabelServiceAccount(
        account=object_ref("ServiceAccount", "runner"), key="label", uid="u", resource_version="1"
    )
