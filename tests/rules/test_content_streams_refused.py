from typing import Any

import pytest

from auditor.model.finding import Finding, Result
from tests.builders import CONNECT, LAUNCHER, UNSEEN, config, connect, helm_record
from tests.rules.judging import fix_of, only

RULE = "content-streams-refused"


def found(product: str = "2026.05.0", chart: str = "0.20.2", *, create: bool = True, **facets: Any) -> Finding:
    record = helm_record(CONNECT, values={"rbac": {"create": create}}, chart_version=chart)
    return only(RULE, connect(**{"helm": record, "chart_version": chart, "product_version": product, **facets}))


def test_fails_with_the_one_connect_and_a_role_from_before() -> None:
    finding = found()
    assert finding.result is Result.FAILED
    assert finding.evidence[0].observed == "0.20.2"
    assert not fix_of(finding).actions


@pytest.mark.parametrize(
    ("product", "chart"), [("2026.05.0", "0.20.3"), ("2026.05.1", "0.20.2"), ("2026.04.0", "0.9.5")]
)
def test_passes_with_a_newer_chart_or_another_connect(product: str, chart: str) -> None:
    assert found(product, chart).result is Result.PASSED


def test_passes_with_the_launcher_whose_role_grants_all() -> None:
    assert found(config=config(gcfg=LAUNCHER)).result is Result.PASSED


@pytest.mark.parametrize("facets", [{"create": False}, {"helm": None}, {"helm": UNSEEN}])
def test_cannot_tell_what_a_role_that_is_not_the_charts_grants(facets: dict[str, Any]) -> None:
    finding = found(**facets)
    assert finding.result is Result.UNKNOWN
    assert "can-i get pods/exec --namespace posit --as system:serviceaccount:posit:rstudio-connect" in finding.how


def test_cannot_tell_from_a_chart_version_that_is_none_and_can_from_a_repackaged_one() -> None:
    assert found(chart="main").result is Result.UNKNOWN
    assert found(chart="0.20.3-acme.1").result is Result.FAILED
    assert found(chart="0.20.4-acme.1").result is Result.PASSED
