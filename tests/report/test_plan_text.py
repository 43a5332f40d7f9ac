"""A plan reads like a plan, and as data it is one."""

from __future__ import annotations

import json

import msgspec

from auditor.model.finding import Fix, Result
from auditor.model.kubernetes import ObjectRef
from auditor.model.outcome import State, Verdict
from auditor.model.plan import Plan
from auditor.model.seen import Unseen
from auditor.planning.choosing import Choice, chosen
from auditor.report.plan_text import not_told, outcomes_json, outcomes_text, plan_json, plan_text, undo_text
from tests.builders import finding, package_manager, release_ref, snapshot
from tests.steps import label, outcome, ownership, planned, step, wanting

PLAN = planned(
    wanting(label(), rule="a"), wanting(ownership(), rule="b"), finding("c", fix=Fix(summary="Buy a license."))
)
SKIP_B = Choice(skip=("b",))
HEAD = "Context test at https://127.0.0.1:6443.\n\n"


def test_the_text_of_a_plan() -> None:
    assert plan_text(PLAN) == (
        f"{HEAD}"
        "Release posit/rstudio-pm\n"
        "\n"
        "  1. Label ServiceAccount posit/content\n"
        "     id          label-service-account:posit/content\n"
        "         metadata.labels of ServiceAccount posit/content\n"
        '       +   connect.posit.co/service-account: "true"\n'
        "     mends       a\n"
        "     interrupts  Nothing.\n"
        "     undo        posit-audit undo takes the label away again.\n"
        "\n"
        "  2. Give wrong entries on PersistentVolumeClaim posit/rstudio-pm-shared-storage to 999:999\n"
        "     id          change-ownership:posit/rstudio-pm-shared-storage\n"
        "         volume of PersistentVolumeClaim posit/rstudio-pm-shared-storage\n"
        "       -   at least 2,000 entries owned by another than 999:999\n"
        "       +   the same entries owned by 999:999; contents, modes and right entries stay as they are\n"
        "             (setuid and setgid bits are cleared if a third user owned the file, and by undo)\n"
        "         in image docker.io/posit/package-manager:2026.08.0-ubuntu-24.04; Python: searched when the Job"
        " starts\n"
        "     mends       b\n"
        "     interrupts  Nothing is stopped. A Job's pod walks the volume beside the running server, which costs the"
        " storage some load.\n"
        "     undo        posit-audit undo gives each changed entry back to the owner it had, from a record that is"
        " kept on the volume.\n"
        "\n"
        "Left as it is:\n"
        "\n"
        "  - posit/rstudio-pm  c  PersistentVolumeClaim posit/rstudio-pm-shared-storage\n"
        "      Buy a license.\n"
        "\n"
        "2 steps planned, 1 finding left as found.\n"
    )


def test_an_empty_plan_says_so() -> None:
    assert plan_text(planned()) == f"{HEAD}Nothing to do.\n"


def test_what_could_not_be_told_is_not_left_to_look_like_nothing() -> None:
    """An empty plan over a volume that nobody could look into is no news that all is well."""
    unseen = finding("volume-files-wrong-owner", result=Result.UNKNOWN, message="No pod is ready.", how="Scan again.")
    blind = Unseen(reason="Deployments may not be listed.", how="Grant list.")
    text = plan_text(planned(), [unseen, finding("a")], [blind])
    assert text.startswith(f"{HEAD}Nothing to do in what could be seen.\n\nCould not be told:\n")
    assert "  - releases\n      Deployments may not be listed. Grant list.\n" in text
    assert (
        f"  - {unseen.release}  volume-files-wrong-owner  {unseen.object}\n      No pod is ready. Scan again.\n" in text
    )
    assert [row.get("rule") for row in not_told([unseen, finding("a")], [blind])] == [None, "volume-files-wrong-owner"]


def test_the_json_of_a_plan_is_read_back_as_the_plan() -> None:
    assert msgspec.convert(json.loads(json.dumps(plan_json(PLAN))), Plan) == PLAN


def test_outcomes_and_verdicts() -> None:
    done, failed = step(label()), step(ownership())
    verdict = Verdict(
        steps=(done.id,),
        rule="a",
        release=release_ref(),
        object=ObjectRef("ServiceAccount", "posit", "content"),
        mended=True,
        message="The second scan no longer finds it.",
    )
    text = outcomes_text((outcome(done), outcome(failed, State.FAILED, "It broke.")), (verdict,))
    assert "      done  label-service-account:posit/content: Done." in text
    assert "    FAILED  change-ownership:posit/rstudio-pm-shared-storage: It broke." in text
    assert "    mended  a on ServiceAccount posit/content" in text
    assert text.endswith("1 of 1 finding mended.\n")
    data = outcomes_json((outcome(done),), (verdict,))
    assert data["outcomes"][0]["state"] == "done"
    assert data["verdicts"][0]["mended"] is True


def test_what_was_left_out_on_request_is_in_the_plan() -> None:
    only = chosen(snapshot(package_manager()), (wanting(label(), rule="a"), wanting(ownership(), rule="b")), SKIP_B)
    assert plan_text(only).endswith(
        "Left out by --only and --skip:\n"
        "\n"
        "  - posit/rstudio-pm  b  PersistentVolumeClaim posit/rstudio-pm-shared-storage\n"
        "      by change-ownership:posit/rstudio-pm-shared-storage\n"
        "\n"
        "1 step planned, 0 findings left as found, 1 left out.\n"
    )
    none = chosen(snapshot(package_manager()), (wanting(ownership(), rule="b"),), SKIP_B)
    assert "Nothing to do" not in plan_text(none)


def test_what_a_journal_has_to_take_back_is_told_with_its_cluster() -> None:
    steps = PLAN.steps[:1]
    assert undo_text(["/j.jsonl"], "test", "https://127.0.0.1:6443", steps) == (
        "Context test at https://127.0.0.1:6443. To be taken back, by /j.jsonl:\n"
        "  - Label ServiceAccount posit/content: posit-audit undo takes the label away again.\n"
    )
    assert undo_text(["/j.jsonl", "/i.jsonl"], "test", "https://127.0.0.1:6443", ()) == (
        "Nothing of /j.jsonl, which went on from /i.jsonl, is left to take back. "
        "An earlier run: posit-audit undo JOURNAL\n"
    )


def test_names_of_files_can_neither_steer_the_terminal_nor_end_the_program() -> None:
    made = outcome(PLAN.steps[0], State.FAILED, "a\x1b[2J\udcff could not be opened.")
    outcomes_text([made]).encode()
    assert "a\\x1b[2J\\udcff could" in outcomes_text([made])
