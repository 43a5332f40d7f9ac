"""What a chart upgrade makes of values, as lines that an editor understands and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, Final

from auditor.model.values import Lint, ValueFinding
from auditor.names.keys import finding as shown
from auditor.printable import printable, printable_all

SCHEMA: Final = "posit-audit.lint/v1"
_COLORS: Final = {"fails": "31", "changes": "33", "ignored": "36"}


def render(result: Lint, *, color: bool = False) -> str:
    """`file:line:column: effect: key: what happens`, then what to do; the worst first."""
    lines = [_described(result), ""]
    for finding in map(shown, result.findings):
        place, told = printable(_place(finding)), printable(f"{finding.key}: {finding.message}")
        lines.append(f"{place}{_effect(finding, color=color)}: {told}")
        lines += [f"    {printable(text)}" for text in (finding.remedy, finding.source) if text]
    if result.findings:
        lines.append("")
    lines += [f"Not judged: {printable(note)}" for note in result.notes]
    lines.append(_summary(result))
    return "\n".join(lines) + "\n"


def _effect(finding: ValueFinding, *, color: bool) -> str:
    return f"\x1b[{_COLORS[finding.effect]}m{finding.effect}\x1b[0m" if color else finding.effect


def render_json(result: Lint) -> str:
    return json.dumps(
        printable_all(
            {
                "schema": SCHEMA,
                "chart": result.chart,
                "from": result.from_version,
                "to": result.to_version,
                "will_fail": result.will_fail,
                "findings": [_finding(shown(finding)) for finding in result.findings],
                "notes": list(result.notes),
            }
        ),
        indent=2,
    )


def _finding(finding: ValueFinding) -> dict[str, Any]:
    names = ("id", "effect", "key", "message", "remedy", "source", "file", "line", "column")
    return {name: getattr(finding, name) for name in names}


def _described(result: Lint) -> str:
    start = f"from {result.from_version} " if result.from_version else ""
    return f"{result.chart} {start}to {result.to_version}"


def _place(finding: ValueFinding) -> str:
    return f"{finding.file}:{finding.line}:{finding.column}: " if finding.file else "(chart default): "


def _summary(result: Lint) -> str:
    if not result.findings:
        return "Nothing that the upgrade would refuse, change or ignore."
    counts: Counter[str] = Counter(finding.effect for finding in result.findings)
    told = ", ".join(f"{counts[effect]} {effect}" for effect in _COLORS)
    verdict = "Helm would refuse to render this." if result.will_fail else "Helm would render this."
    return f"{told}. {verdict}"
