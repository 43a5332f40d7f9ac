"""Values that are known as secret, and how to find them in a text again: whole, in parts, quoted, encoded."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote, quote_plus, unquote, urlsplit

from auditor.model.keypath import leaves
from auditor.names.shown import key

WITHHELD: Final = "<withheld>"
_SHORTEST: Final = 4
_PAIR: Final = re.compile(r"""[\w.-]+\s*=\s*("(?:[^"\\]|\\.)*"|'[^']*'|[^\s;&,'"]+)""")
"""Of a DSN or a configuration file: `password=...`."""


def scrub(text: str, values: Iterable[Any]) -> str:
    """`text` without any leaf of the values of four characters or more, in the forms in which programs print it and in
    any case, and without the keys above the leaves as far as these are no known words."""
    known = list(values)
    texts = {text for value in known for _, leaf in leaves(value) for text in _texts(leaf)}
    small = text.lower()
    # Nearly none of them stands there, and a release has thousands.
    secrets = {form for one in texts for form in _forms(one) if form.lower() in small}
    for secret in sorted(secrets, key=len, reverse=True):
        text = re.sub(re.escape(secret), WITHHELD, text, flags=re.IGNORECASE)
    names = {name for value in known for name in _keys(value) if len(name) >= _SHORTEST and name.lower() in small}
    for name in sorted(names, key=len, reverse=True):
        shown = key(name)
        text = re.sub(re.escape(name), shown.replace("\\", r"\\"), text, flags=re.IGNORECASE) if shown != name else text
    return text


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, below in value.items():
            yield str(name)
            yield from _keys(below)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _keys(item)


def _texts(leaf: object) -> Iterator[str]:
    """A leaf, or what stands in a list."""
    if isinstance(leaf, list | tuple):
        for item in leaf:
            for _, below in leaves(item):
                yield from _texts(below)
    elif isinstance(leaf, str | int | float) and not isinstance(leaf, bool):
        yield str(leaf)


def _forms(plain: str) -> set[str]:
    parts = {plain, plain.strip(), *(line.strip() for line in plain.splitlines()), *_parts(plain)}
    return {form for part in parts if len(part) >= _SHORTEST for form in _printed(part)}


def _parts(plain: str) -> Iterator[str]:
    """Of a DSN: user, password, both, host, what is set by `name=value`."""
    for found in _PAIR.finditer(plain):
        yield found[1].strip("\"'")
    for word in plain.split() if "://" in plain else ():
        try:
            url = urlsplit(word.strip("\"'"))
            yield from (part for one in (url.username, url.password) if one for part in (one, unquote(one)))
        except ValueError:
            continue
        yield url.netloc.rpartition("@")[0]


def _printed(part: str) -> set[str]:
    raw = part.encode("utf-8", "replace")
    encoded = {encode(raw + end).decode() for encode in _BASE64 for end in (b"", b"\n")}
    quoted = {json.dumps(part, ensure_ascii=ascii_)[1:-1] for ascii_ in (True, False)}
    forms = {part, *quoted, quote(part, safe=""), quote_plus(part), *encoded, *(one.rstrip("=") for one in encoded)}
    return {form for form in forms if len(form) >= _SHORTEST}


_BASE64: Final = (base64.b64encode, base64.urlsafe_b64encode)
