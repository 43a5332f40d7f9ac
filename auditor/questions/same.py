"""Whether an object of a manifest is in the cluster exactly so, and what differs. Pure."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any, Final

from auditor.names.shown import key
from auditor.questions.managed_fields import differ, may_be_shown

_HIDDEN: Final = "(not shown)"
_NOISE: Final = frozenset({"helm.sh/chart", "app.kubernetes.io/version", "chart"})
"""Labels that change with every chart."""


def within(wanted: Any, live: Any) -> bool:
    """Whether an apply of `wanted` changes nothing. What it does not name may differ: the API server adds defaults."""
    if isinstance(wanted, Mapping):
        wanted = _as_stored(wanted)
        return isinstance(live, Mapping) and all(
            one not in live
            if value is None
            else (one in live and within(value, live[one])) or _is_empty(value, live, one)
            for one, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(live, list)
            and len(live) == len(wanted)
            and all(within(one, other) for one, other in zip(wanted, live, strict=True))
        )
    if type(wanted) is type(live) or {type(wanted), type(live)} <= {int, float}:
        return bool(wanted == live)
    return False


def _is_empty(value: Any, live: Mapping[str, Any], field: str) -> bool:
    """The API server leaves out what is empty."""
    return field not in live and value in ("", {}, [])


def _as_stored(body: Mapping[str, Any]) -> Mapping[str, Any]:
    if body.get("kind") != "Secret" or not isinstance(body.get("stringData"), Mapping):
        return body
    written = {one: base64.b64encode(str(value).encode()).decode() for one, value in body["stringData"].items()}
    rest = {one: value for one, value in body.items() if one != "stringData"}
    return {**rest, "data": {**(body.get("data") or {}), **written}}


def changes(wanted: Mapping[str, Any], live: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[str]:
    """A line for each field that an apply of `wanted` changes: path, old and new value as far as they can't be secret.
    `before`: the object in the manifest that was applied last, whose other fields are removed."""
    kind = str(wanted.get("kind", ""))
    if kind == "Secret":
        if not within(wanted, live):
            yield f"contents {_HIDDEN}"
        return
    for path, old, new in _changed(_as_stored(wanted), live, ()):
        shown = may_be_shown(kind, path, old) and may_be_shown(kind, path, new)
        yield f"{_dotted(path)}: {_word(old)} -> {_word(new)}" if shown else f"{_dotted(path)}: changed {_HIDDEN}"
    for path in _removed(before, wanted, live, ()):
        yield f"{_dotted(path)}: removed"


def _changed(wanted: Any, live: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    if isinstance(wanted, Mapping) and (live is None or isinstance(live, Mapping)):
        for one, value in wanted.items():
            if value is not None and not _is_noise(path, one):
                yield from _changed(value, (live or {}).get(one), (*path, f"f:{one}"))
    elif _named(wanted) and (not live or _named(live)):
        others = {item["name"]: item for item in live or ()}
        for item in wanted:
            yield from _changed(item, others.get(item["name"]), (*path, f"n:{item['name']}"))
        for name in others.keys() - {item["name"] for item in wanted}:
            yield (*path, f"n:{name}"), others[name], None
    elif differ(wanted, live, quantity=True):
        yield path, live, wanted


def _removed(before: Any, wanted: Any, live: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if _named(before) and _named(wanted) and _named(live):
        now, there = ({item["name"]: item for item in items} for items in (wanted, live))
        for item in before:
            name = item["name"]
            yield from _removed(item, now.get(name), there.get(name), (*path, f"n:{name}"))
        return
    if not (isinstance(before, Mapping) and isinstance(wanted, Mapping) and isinstance(live, Mapping)):
        return
    for one, value in before.items():
        if _is_noise(path, one) or one not in live:
            continue
        if one not in wanted:
            yield (*path, f"f:{one}")
        else:
            yield from _removed(value, wanted[one], live[one], (*path, f"f:{one}"))


def _is_noise(path: tuple[str, ...], key_: str) -> bool:
    """Only of labels: data of that name is what the object is for."""
    return key_ in _NOISE and path[-1:] == ("f:labels",)


def _named(items: Any) -> bool:
    if not isinstance(items, list) or not items:
        return False
    names = [item.get("name") if isinstance(item, Mapping) else None for item in items]
    return all(isinstance(name, str) for name in names) and len(set(names)) == len(names)


def _word(value: Any) -> str:
    return "(none)" if value is None else str(value)


def _dotted(path: tuple[str, ...]) -> str:
    """As it is printed: keys of maps are the words of who wrote the values."""
    text = ""
    for part in path:
        kind, _, name = part.partition(":")
        text += f"[{key(name)}]" if kind == "n" else f".{key(name)}"
    return text.lstrip(".")
