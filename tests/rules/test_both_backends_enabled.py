from auditor.model.finding import Result
from tests.builders import CONNECT, UNSEEN, config, connect, helm_record
from tests.rules.judging import only

RULE = "both-backends-enabled"
BOTH = {"Kubernetes": {"Enabled": ("true",)}, "Launcher": {"Enabled": ("true",)}}


def test_fails_when_the_configuration_has_both() -> None:
    finding = only(RULE, connect(config=config(gcfg=BOTH)))
    assert (finding.result, finding.object.kind) == (Result.FAILED, "ConfigMap")


def test_fails_when_the_values_have_both() -> None:
    record = helm_record(CONNECT, values={"launcher": {"enabled": True}})
    finding = only(RULE, connect(helm=record))
    assert (finding.result, finding.object.kind) == (Result.FAILED, "Release")


def test_fails_whatever_the_case_of_names_and_by_the_last_setting_of_a_key() -> None:
    gcfg = {"kubernetes": {"enabled": ("true",)}, "LAUNCHER": {"ENABLED": ("false", "yes")}}
    assert only(RULE, connect(config=config(gcfg=gcfg), helm=None)).result is Result.FAILED


def test_passes_when_one_is_turned_off() -> None:
    gcfg = BOTH | {"Launcher": {"Enabled": ("true", "false")}}
    assert only(RULE, connect(config=config(gcfg=gcfg))).result is Result.PASSED


def test_passes_with_one_where_the_values_were_not_seen() -> None:
    assert only(RULE, connect(helm=UNSEEN)).result is Result.PASSED


def test_cannot_tell_without_the_configuration() -> None:
    assert only(RULE, connect(config=None)).result is Result.UNKNOWN
