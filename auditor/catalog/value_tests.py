"""Questions about one value, by the name under which rows refer to them: what a chart makes of it. Pure and total."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import yaml

# No YAML syntax is made of these alone, so most values need no parser.
_HARMLESS: Final = re.compile(r"[\w./+%-]*\w")
_NULLS: Final = (None, "", "~", "null", "Null", "NULL")


def gcfg_exponent(value: object) -> bool:
    """Helm holds numbers as 64-bit floats, and Go prints those from 1000000 and below 0.0001 with an exponent."""
    return any(isinstance(n, int | float) and not isinstance(n, bool) and _has_exponent(n) for n in _each(value))


def gcfg_map(value: object) -> bool:
    return any(isinstance(item, Mapping | list) for item in _each(value))


def gcfg_comment(value: object) -> bool:
    """For gcfg, an unquoted ; or # begins a comment: it takes the rest of the line for one."""
    texts = (text for text in _each(value) if isinstance(text, str))
    return any(re.search(r"[;#]", re.sub(r'"(?:[^"\\]|\\.)*"', "", text)) is not None for text in texts)


def gcfg_line_break(value: object) -> bool:
    return any(isinstance(text, str) and "\n" in text.rstrip("\n") for text in _each(value))


def go_template(value: object) -> bool:
    return _is_template(value)


def open_template(value: object) -> bool:
    """Whether a text in it begins an action, `{{`, and doesn't end it: Go reads no template then."""
    if isinstance(value, Mapping):
        return any(open_template(item) for item in value.values())
    if isinstance(value, list):
        return any(open_template(item) for item in value)
    return isinstance(value, str) and "}}" not in value.rpartition("{{")[2] and "{{" in value


def false_in_quotes(value: object) -> bool:
    """Every string but the empty one is true to a template."""
    return isinstance(value, str) and value.lower() in {"false", "no", "off", "n"}


def breaks_yaml(value: object) -> bool:
    """Whether ``key: value``, as Go prints it between other keys of a manifest, is no YAML; libyaml lets a % pass."""
    return _breaks("a:\n  b: {}\n  c:\n", value) or _printed(value).startswith("%")


def breaks_yaml_unless_map(value: object) -> bool:
    """Of a map the charts print the fields, and not the map."""
    return not isinstance(value, Mapping) and breaks_yaml(value)


def breaks_name(value: object) -> bool:
    """The same where the charts make names of it too, by writing something before and after."""
    return breaks_yaml(value) or _breaks("a:\n  b: r{}-x\n  c:\n", value)


def breaks_key(value: object) -> bool:
    """The same of ``value: |`` with lines below it. Rows of their own say what becomes of no value."""
    if value in (None, ""):
        return False
    return value in _NULLS or _breaks("a:\n  {}: |\n    b\n", value) or _printed(value).startswith("%")


def breaks_lines(value: object) -> bool:
    """The same of ``key=value`` in a text of several lines: a line break of its own ends that text."""
    return _breaks("a:\n  b: |\n    c={}\n    d\n", value)


def breaks_quotes(value: object) -> bool:
    """The same of ``key: "value"``: the charts put quotes around the text without escaping what is in it."""
    return _breaks('a:\n  b: "{}"\n  c:\n', value)


def no_manifest(value: object) -> bool:
    """Neither a manifest nor a text of such ones, judged by what Helm itself reads of each: kind, name, annotations.

    What a text with a template in it becomes can't be told.
    """
    if isinstance(value, Mapping):
        return _head_is_unreadable(value, nulls=(None,))
    if not isinstance(value, str) or "{{" in value:
        return False
    try:
        documents = list(yaml.load_all(value, Loader=yaml.CBaseLoader))
    except (yaml.YAMLError, RecursionError):
        return True
    return any(document not in _NULLS and _head_is_unreadable(document, nulls=_NULLS) for document in documents)


VALUE_TESTS: Final[dict[str, Callable[[object], bool]]] = {
    test.__name__.replace("_", "-"): test
    for test in (
        gcfg_exponent,
        gcfg_map,
        gcfg_comment,
        gcfg_line_break,
        go_template,
        open_template,
        false_in_quotes,
        breaks_yaml,
        breaks_yaml_unless_map,
        breaks_name,
        breaks_key,
        breaks_lines,
        breaks_quotes,
        no_manifest,
    )
}


def _each(value: object) -> Iterator[object]:
    """A list becomes one line of gcfg for each item."""
    if isinstance(value, list):
        yield from value
    else:
        yield value


def _has_exponent(number: float) -> bool:
    return number != 0 and not 1e-4 <= abs(number) < 1e6  # noqa: PLR2004 - Go's bounds for %v


def _breaks(frame: str, value: object) -> bool:
    text = _printed(value)
    if value is None or _HARMLESS.fullmatch(text):
        return False
    try:
        yaml.load(frame.format(text), Loader=yaml.CBaseLoader)  # noqa: S506 - it makes nothing but strings
    except (yaml.YAMLError, RecursionError):
        return True
    return False


def _printed(value: object) -> str:
    """As Go's templates print it: lists as [a b], maps as map[a:b]."""
    if isinstance(value, list):
        return f"[{' '.join(_printed(item) for item in value)}]"
    if isinstance(value, Mapping):
        return f"map[{' '.join(f'{key}:{_printed(item)}' for key, item in value.items())}]"
    return "<nil>" if value is None else str(value)


def _head_is_unreadable(manifest: object, nulls: tuple[object, ...]) -> bool:
    """`nulls`: what stands for null, which in a text that is not read yet is more than in a map."""
    if not isinstance(manifest, Mapping):
        return True
    metadata = manifest.get("metadata")
    if metadata in nulls:
        metadata = {}
    if not isinstance(metadata, Mapping):
        return not _is_template(metadata)
    annotations = metadata.get("annotations")
    if annotations in nulls or _is_template(annotations):
        annotations = {}
    words = [manifest.get("apiVersion"), manifest.get("kind"), metadata.get("name")]
    words += annotations.values() if isinstance(annotations, Mapping) else [[]]
    return any(isinstance(word, Mapping | list) for word in words)


def _is_template(value: object) -> bool:
    return isinstance(value, str) and "{{" in value
