"""What a person reads after a scan."""

from __future__ import annotations

import pytest

from auditor.model.finding import Evidence, Result, Severity
from auditor.report.text import render
from tests.builders import connect, finding, object_ref, package_manager, release_ref, snapshot
from tests.report.estate import estate, findings

LONG = "word " * 60 + "end."


def test_the_whole_report_of_an_estate() -> None:
    assert (
        render(estate(), findings())
        == """\
Context test at https://127.0.0.1:6443, all namespaces: 3 releases.

posit/w-bad  Posit Connect 2026.08.0, chart rstudio-connect 0.21.0, Helm revision 3 failed
  error    w-error: An error.
      seen: data: other.lic; expected: license.lic
      seen: Pod posit/p f: o
      fix: Label it.
  warning  b-warning: A warning.
      by hand: By you.
  info     c-info: A remark.
      fix --unsafe: Dare.
  1 check passed

posit/m-dark  Posit Package Manager of unknown version, chart rstudio-pm of unknown version, not installed by Helm
  unknown  u-one, u-two: Too dark.
      how: Light a lamp.
  0 checks passed

posit/a-good  Posit Package Manager 2026.08.0, chart rstudio-pm 0.20.4, Helm revision 3 deployed
  1 check passed

Not looked at
  Namespace closed was not searched.
      how: Ask for list.

1 error, 1 warning, 1 remark, 2 unknown, 2 passed.
1 of them can be mended by posit-audit fix, which shows its plan first.
"""
    )


def test_it_is_the_same_in_whatever_order_findings_come() -> None:
    assert render(estate(), reversed(findings())) == render(estate(), findings())


def test_the_sum_tells_of_unknowns_only_where_there_are_any() -> None:
    state = snapshot(package_manager(name="bad"))
    assert render(state, [finding(release=release_ref(name="bad"))]).endswith("1 error, 0 passed.\n")


def test_nothing_judged_is_not_all_well() -> None:
    assert render(snapshot(package_manager()), []).endswith(
        "No check was made: none of those asked for is about what is there.\n"
    )


def test_verbose_lists_what_passed() -> None:
    assert "  passed   d-passed: Fine too.\n" in render(estate(), findings(), verbose=True)


def test_it_says_when_all_is_well() -> None:
    state = snapshot(package_manager(name="good"))
    report = render(state, [finding(result=Result.PASSED, release=release_ref(name="good"))])
    assert report.endswith("All is well: 1 check passed.\n")


def test_what_could_not_be_seen_is_not_well() -> None:
    state = snapshot(package_manager(name="good"))
    report = render(state, [finding(result=Result.UNKNOWN, release=release_ref(name="good"), message="Dark.")])
    assert "All is well" not in report
    assert "No fault was found: 0 checks passed, 1 check could not be made." in report


def test_it_says_when_there_is_no_release() -> None:
    report = render(snapshot(namespaces=("a", "b")), [])
    assert "namespaces a, b: 0 releases." in report
    assert "No release of Posit Connect or Posit Package Manager was found." in report


def test_two_products_under_one_name_share_a_section() -> None:
    """One Argo CD application may hold both charts."""
    state = snapshot(package_manager(name="posit"), connect(name="posit"))
    report = render(state, [finding(release=release_ref(name="posit"), message="Once.")])
    assert report.count("Once.") == 1
    assert report.count("posit/posit  ") == 2


@pytest.mark.parametrize("width", [40, 80, 120])
def test_a_terminals_width_is_kept(width: int) -> None:
    report = render(estate(), [finding(release=release_ref(name="w-bad"), message=LONG)], width=width)
    assert max(len(line) for line in report.splitlines()) <= width
    assert "end." in report


def test_a_pipe_gets_whole_lines() -> None:
    report = render(estate(), [finding(release=release_ref(name="w-bad"), message=LONG)])
    assert any(line.startswith("  error") and line.endswith("end.") for line in report.splitlines())


def test_colours_are_for_those_who_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" not in render(estate(), findings())
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[1;31merror" in render(estate(), findings(), color=True)


def test_a_coloured_report_says_the_same() -> None:
    import re

    coloured = render(estate(), findings(), color=True, width=100)
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == render(estate(), findings(), width=100)


def test_file_names_can_neither_steer_the_terminal_nor_stop_the_report() -> None:
    evil = Evidence(object=object_ref("Pod", "p"), field="f", observed="a\x1b[2Jb\nc \udcff [bold]")
    report = render(estate(), [finding(release=release_ref(name="w-bad"), evidence=(evil,))], color=True)
    assert r"a\x1b[2Jb\x0ac \udcff [bold]" in report
    report.encode("utf-8")


def test_a_rule_with_much_to_say_says_the_most_important_and_how_to_see_the_rest() -> None:
    many = tuple(
        finding("upgrade-changes", severity=Severity.WARNING, message=f"Key {number} moves.") for number in range(14)
    )
    text = render(snapshot(package_manager()), many)
    assert "Key 0 moves." in text
    assert "Key 9 moves." in text
    assert "Key 10 moves." not in text
    assert "upgrade-changes tells 4 more things" in text
    assert "Key 13 moves." in render(snapshot(package_manager()), many, verbose=True)
