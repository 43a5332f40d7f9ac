"""Warnings are asked for where something is wrong, and never with a password in them."""

from __future__ import annotations

from auditor.inventory import take
from auditor.model.scope import ProbeMode, Scope
from auditor.model.seen import Unseen
from auditor.model.snapshot import Event, Facet
from tests.inventory.fake import FakeReader, Json, body
from tests.inventory.releases import release


def warning(reason: str, message: str, time: str = "1", **fields: object) -> Json:
    about = {"involvedObject": {"kind": "Pod", "name": "pm-rstudio-pm-0"}}
    said = {"reason": reason, "message": message, "type": "Warning", "lastTimestamp": time}
    return body("Event", f"{reason}.{time}", **{**said, **about, **fields})


def seen(reader: FakeReader) -> tuple[Event, ...] | Unseen:
    (state,) = take(reader, Scope(current="posit"), frozenset({Facet.EVENTS}), ProbeMode.OFF).releases  # type: ignore[arg-type]
    return state.events


def starting() -> list[Json]:
    objects = release("rstudio-pm")
    for one in objects:
        if one["kind"] == "Pod":
            one["status"] = {"phase": "Pending"}
    return objects


def test_a_healthy_release_costs_no_request() -> None:
    reader = FakeReader(*release("rstudio-pm"), warning("FailedMount", "old news"))
    assert seen(reader) == ()
    assert reader.asked("list", "events") == []


def test_the_newest_warning_of_each_kind_is_kept_with_its_count() -> None:
    reader = FakeReader(
        *starting(),
        warning("FailedMount", "second", "2026-11-21T02:00:00Z", count=7),
        warning("FailedMount", "first", "2026-11-21T01:00:00Z"),
        warning("FailedAttachVolume", "Multi-Attach\n error", series={"count": 3}),
    )
    found = seen(reader)
    assert not isinstance(found, Unseen)
    assert {event.reason: (event.message.reveal(), event.count) for event in found} == {
        "FailedMount": ("second", 7),
        "FailedAttachVolume": ("Multi-Attach error", 3),
    }


def test_a_mounts_password_is_not_kept() -> None:
    reader = FakeReader(*starting(), warning("FailedMount", "mount -o username=me,password=canary-1,uid=0 failed"))
    found = seen(reader)
    assert "canary" not in repr(found)


def test_a_refusal_is_unseen() -> None:
    reader = FakeReader(*starting())
    reader.refused.add(("list", "events"))
    assert isinstance(seen(reader), Unseen)
