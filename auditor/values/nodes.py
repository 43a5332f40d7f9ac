"""A YAML text as a tree of nodes that know their place in it, and that tree as the values Helm would see.

libyaml reads the text, because go-yaml v2, which Helm uses, is a translation of it; scalars are resolved by
`auditor.values.scalars`. Only the first document of a stream counts, duplicate keys are allowed and the last one
wins, and ``<<`` overwrites what stands before it: all three as Helm does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import yaml
from yaml import events as ev

from auditor.errors import UnreadableValues

# Helm would read on to 10,000 levels; no chart reads more than a dozen.
DEEPEST: Final = 100

Kind = Literal["map", "list", "scalar", "alias"]


@dataclass(slots=True, eq=False)
class Node:
    """One value in the text: ``text[start:end]`` holds it with its anchor and tag.

    `line` and `column` count from 1. The `end` of a block map or list may lie behind it, on the next token.
    `style` is that of a scalar: ``""`` plain, ``'``, ``"``, ``|`` or ``>``.
    `items` holds a list's nodes, or the one that an alias stands for; `pairs` a map's keys and values in the order of
    the text.
    """

    kind: Kind
    start: int
    end: int
    line: int
    column: int
    flow: bool = False
    plain: bool = False
    style: str = ""
    tag: str | None = None
    anchor: str | None = None
    text: str = ""
    items: list[Node] = field(default_factory=list)
    pairs: list[tuple[Node, Node]] = field(default_factory=list)


_Loader: Final[Any] = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def parse(text: str, source: str) -> Node | None:
    """The root of the first document, None when it is empty. Raises `UnreadableValues`."""
    try:
        return _Builder(source).build(yaml.parse(text, Loader=_Loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise unreadable(source, where, error.problem or "is not YAML", text) from None
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        where = (before.count("\n") + 1, error.position - before.rfind("\n"))
        raise unreadable(source, where, "a control character is not allowed in YAML") from None
    except UnicodeEncodeError as error:
        before = text[: error.start]
        where = (before.count("\n") + 1, error.start - before.rfind("\n"))
        raise unreadable(source, where, "a character is not valid Unicode") from None


def unreadable(source: str, where: tuple[int, int], problem: str, text: str = "") -> UnreadableValues:
    """The one sentence for a text that Helm could not read, with a hint for the usual causes."""
    line, column = where
    here = "".join(text.split("\n")[line - 1 : line])
    hint = "Mend the YAML there; Helm could not read the file either."
    if "{{" in here:
        hint = "Values files are not templates: Helm reads them as they are. Render the file first."
    elif "\t" in here:
        hint = "YAML is indented with spaces: replace the tab."
    return UnreadableValues(f"{source}:{line}:{column}: {problem}.", hint=hint)


def too_deep(source: str, where: tuple[int, int]) -> UnreadableValues:
    """The one thing that Helm would read and this does not."""
    line, column = where
    hint = f"posit-audit reads {DEEPEST} levels, where no chart reads more than a dozen: delete what stands deeper."
    return UnreadableValues(f"{source}:{line}:{column}: is nested deeper than {DEEPEST} levels.", hint=hint)


class _Builder:
    def __init__(self, source: str) -> None:
        self.source = source
        self.anchors: dict[str, Node] = {}

    def build(self, events: Iterator[Any]) -> Node | None:
        root: Node | None = None
        stack: list[tuple[Node, Node | None]] = []
        key: Node | None = None
        for event in events:
            if isinstance(event, ev.DocumentEndEvent):
                break
            if isinstance(event, ev.CollectionEndEvent):
                done, key = stack.pop()
                mark: Any = event.end_mark if done.flow else event.start_mark
                done.end = mark.index
                node = done
            elif isinstance(event, ev.NodeEvent):
                node = self._node(event)
                if isinstance(event, ev.CollectionStartEvent):
                    if len(stack) >= DEEPEST:
                        raise too_deep(self.source, (node.line, node.column))
                    stack.append((node, key))
                    key = None
                    continue
            else:
                continue
            if not stack:
                root = node
                continue
            parent = stack[-1][0]
            if parent.kind == "list":
                parent.items.append(node)
            elif key is None:
                key = node
            else:
                parent.pairs.append((key, node))
                key = None
        return root

    def _node(self, event: Any) -> Node:
        start: Any = event.start_mark
        end: Any = event.end_mark
        node = Node("scalar", start.index, end.index, start.line + 1, start.column + 1)
        if isinstance(event, ev.AliasEvent):
            if event.anchor not in self.anchors:
                raise self.problem(node, "an alias names an anchor that is not defined above it")
            node.kind, node.text, node.items = "alias", event.anchor, [self.anchors[event.anchor]]
            return node
        node.tag, node.anchor = event.tag, event.anchor
        if isinstance(event, ev.ScalarEvent):
            node.text, node.plain, node.style = event.value, event.implicit[0], event.style or ""
        else:
            node.kind = "map" if isinstance(event, ev.MappingStartEvent) else "list"
            node.flow = bool(event.flow_style)
        if node.anchor is not None:
            self.anchors[node.anchor] = node
        return node

    def problem(self, node: Node, problem: str) -> UnreadableValues:
        return unreadable(self.source, (node.line, node.column), problem)
