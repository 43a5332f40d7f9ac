from auditor.model.finding import Finding, Result
from auditor.model.snapshot import SecretKey
from tests.builders import CONNECT, UNSEEN, connect, license_secret, pod_spec, secret_key, workload
from tests.rules.judging import only

RULE = "license-whitespace"


def finding(source: str, *keys: SecretKey) -> Finding:
    secret = license_secret(*keys, source=source, key="rstudio-connect")
    return only(RULE, connect(license_secrets=(secret,)))


def test_fails_when_white_space_surrounds_a_key() -> None:
    assert finding("key", secret_key("rstudio-connect", surrounding_whitespace=True)).result is Result.FAILED


def test_fails_for_a_key_in_the_pods_environment() -> None:
    spec = pod_spec(CONNECT, env=[{"name": "PCT_LICENSE", "value": "canary-AAAA\n"}])
    finding = only(RULE, connect(workload=workload(CONNECT, spec=spec)))
    assert (finding.result, finding.object.kind) == (Result.FAILED, "Deployment")
    assert "canary" not in repr(finding)


def test_passes_over_a_license_file_whose_last_line_ends() -> None:
    assert finding("file", secret_key("rstudio-connect", surrounding_whitespace=True)).result is Result.PASSED


def test_passes_over_white_space_in_another_key() -> None:
    keys = (secret_key("rstudio-connect"), secret_key("other", surrounding_whitespace=True))
    assert finding("key", *keys).result is Result.PASSED


def test_cannot_tell_without_seeing_secrets() -> None:
    assert only(RULE, connect(license_secrets=UNSEEN)).result is Result.UNKNOWN
