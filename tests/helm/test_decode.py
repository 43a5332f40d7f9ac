"""A release Secret becomes a HelmRecord, or one sentence that holds nothing of what was read."""

import base64
import contextlib
import gzip
import json
import zlib
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.errors import UnreadableRelease
from auditor.helm.decode import LARGEST_RELEASE, decode_release, safe_description, values_digest
from auditor.model.helm import HelmStatus

CANARY = "c4nary-in-the-coal-mine"


def release(**changes: Any) -> dict[str, Any]:
    return {
        "name": "rel",
        "version": 3,
        "namespace": "ns",
        "info": {
            "status": "deployed",
            "description": "Upgrade complete",
            "last_deployed": "2026-08-20T10:11:12.123456789Z",
        },
        "chart": {
            "metadata": {"name": "rstudio-connect", "version": "0.21.0", "appVersion": "2026.08.0"},
            "values": {"replicas": 1},
        },
        "config": {"license": {"key": CANARY}},
        **changes,
    }


def stored(content: Any, *, compress: bool = True) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.b64encode(base64.b64encode(gzip.compress(raw) if compress else raw)).decode()


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("as_bytes", [True, False])
def test_reads_a_release_compressed_or_not_from_text_or_bytes(compress: bool, as_bytes: bool) -> None:
    data = stored(release(), compress=compress)

    record = decode_release(data.encode() if as_bytes else data, "Secret ns/x")

    assert (record.revision, record.status) == (3, HelmStatus.DEPLOYED)
    assert (record.chart_name, record.chart_version, record.app_version) == ("rstudio-connect", "0.21.0", "2026.08.0")
    assert record.values.reveal() == {"license": {"key": CANARY}}
    assert record.defaults.reveal() == {"replicas": 1}
    assert record.values_digest == values_digest({"license": {"key": CANARY}})
    assert record.updated == datetime(2026, 8, 20, 10, 11, 12, 123456, tzinfo=UTC)


def test_no_supplied_values_and_no_defaults_are_empty_maps() -> None:
    content = release(config=None)
    del content["chart"]["values"]

    record = decode_release(stored(content), "Secret ns/x")

    assert (record.values.reveal(), record.defaults.reveal()) == ({}, {})


def test_the_manifest_is_withheld_and_says_how_helm_4_applied_it() -> None:
    record = decode_release(stored(release(manifest=f"data: {CANARY}", apply_method="ssa")), "Secret ns/x")
    assert record.server_side
    assert record.manifest.reveal() == f"data: {CANARY}"
    assert CANARY not in repr(record)


@pytest.mark.parametrize("apply_method", ["csa", "", None])
def test_every_other_method_is_helm_3s(apply_method: str | None) -> None:
    assert not decode_release(stored(release(apply_method=apply_method)), "S").server_side


def test_a_conflict_is_named_without_its_fields() -> None:
    said = f'Upgrade "pm" failed: conflict occurred while applying object a/pm apps/v1: conflict with "{CANARY}"'
    assert safe_description(said) == "Upgrade failed: conflict occurred while applying object"


@pytest.mark.parametrize("status", list(HelmStatus))
def test_tells_every_status_apart(status: HelmStatus) -> None:
    assert decode_release(stored(release(info={"status": status.value})), "S").status is status


def test_a_status_or_time_that_nobody_knows_is_unknown_not_an_error() -> None:
    record = decode_release(stored(release(info={"status": "simmering", "last_deployed": ""})), "S")

    assert (record.status, record.updated) == (HelmStatus.UNKNOWN, None)


def gzipped(raw: bytes) -> str:
    return base64.b64encode(base64.b64encode(raw)).decode()


CHART = release()["chart"]
DAMAGE = {
    "not base64 once": ("!!!", "not base64"),
    "not base64 twice": (base64.b64encode(b"!!!").decode(), "not base64"),
    "not ASCII": ("é", "not base64"),
    "gzip damaged": (gzipped(gzip.compress(bytes(range(200)))[:-8] + b"12345678"), "damaged"),
    "gzip ends early": (gzipped(gzip.compress(json.dumps(release()).encode())[:-12]), "ends early"),
    "not JSON": (stored(b"{"), "not JSON"),
    "not UTF-8": (stored(b'{"name": "\xff"}'), "not JSON"),
    "empty": ("", "not JSON"),
    "nested without end": (stored(b"[" * 200_000), "nested too deeply"),
    "not a map": (stored([]), "the record is not a map"),
    "no chart": (stored(release(chart=None)), "chart is not a map"),
    "no metadata": (stored(release(chart={})), "chart.metadata is not a map"),
    "no chart name": (stored(release(chart={"metadata": {"version": "1"}})), "no name"),
    "no chart version": (stored(release(chart={"metadata": {"name": "x"}})), "no version"),
    "no info": (stored(release(info=[])), "info is not a map"),
    "values a list": (stored(release(config=[CANARY])), "supplied values"),
    "values a text": (stored(release(config=CANARY)), "supplied values"),
    "defaults a list": (stored(release(chart={**CHART, "values": [1]})), "chart.values is not a map"),
    "no revision": (stored(release(version=None)), "revision"),
    "revision a text": (stored(release(version="3")), "revision"),
    "revision a truth": (stored(release(version=True)), "revision"),
}


@pytest.mark.parametrize(("data", "why"), DAMAGE.values(), ids=DAMAGE)
def test_every_damage_is_one_sentence_with_the_object_and_without_content(data: str, why: str) -> None:
    with pytest.raises(UnreadableRelease, match=why) as caught:
        decode_release(data, "Secret ns/sh.helm.release.v1.rel.v3")

    assert "Secret ns/sh.helm.release.v1.rel.v3" in str(caught.value)
    assert CANARY not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert caught.value.hint


def test_a_zip_bomb_is_refused_before_it_fills_the_memory() -> None:
    deflater = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    bomb = b"".join(deflater.compress(bytes(1024**2)) for _ in range(LARGEST_RELEASE // 1024**2 + 1))

    with pytest.raises(UnreadableRelease, match="grows beyond 64 MiB"):
        decode_release(gzipped(bomb + deflater.flush()), "S")


@given(st.binary(max_size=400))
def test_no_input_at_all_raises_anything_else(raw: bytes) -> None:
    for data in (raw, gzipped(raw), stored(raw)):
        with pytest.raises(UnreadableRelease):
            decode_release(data, "S")


@pytest.mark.parametrize("depth", [*range(700, 1000, 10), 5000])
def test_values_of_any_depth_are_read_or_refused(depth: int) -> None:
    content = json.dumps(release(config="HERE")).replace('"HERE"', '{"a":' * depth + "1" + "}" * depth)

    with contextlib.suppress(UnreadableRelease):
        assert decode_release(stored(content.encode()), "S").revision == 3


def test_the_record_shows_no_value() -> None:
    assert CANARY not in repr(decode_release(stored(release()), "S"))


def test_the_digest_does_not_depend_on_the_order_of_keys() -> None:
    assert values_digest({"a": 1, "b": {"c": 2, "d": 3}}) == values_digest({"b": {"d": 3, "c": 2}, "a": 1})
    assert values_digest({"a": 1}) != values_digest({"a": "1"})


@pytest.mark.parametrize(
    ("helm", "shown"),
    [
        ("Install complete", "Install complete"),
        ("Rollback to 12", "Rollback to 12"),
        (
            'Upgrade "rel" failed: post-upgrade hooks failed: 1 error:\n\t* timed out waiting for the condition',
            "Upgrade failed: post-upgrade hooks failed, timed out waiting for the condition",
        ),
        (
            f'Release "rel" failed: Secret "x" is invalid: data[{CANARY}]: Invalid value: "{CANARY}"',
            "Release failed: is invalid",
        ),
        (f"Install complete {CANARY}", "Install complete"),
        (f"deployed by CI with --set license.key={CANARY}", ""),
        (CANARY, ""),
        (None, ""),
        ({"a": 1}, ""),
    ],
)
def test_of_helms_own_sentence_only_known_words_are_shown(helm: object, shown: str) -> None:
    assert safe_description(helm) == shown
