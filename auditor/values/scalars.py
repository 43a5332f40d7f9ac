"""Scalars as Helm reads them.

Helm reads values with sigs.k8s.io/yaml, which resolves plain scalars with go-yaml v2 and passes the result
through JSON. Both differ from what Python libraries do: ``y`` and ``off`` are booleans, ``1e3``, ``017``,
``0o17``, ``0b1`` and ``1_000`` are numbers, ``08`` is eight, ``1:30`` and dates are strings.
Source: resolve.go of go.yaml.in/yaml/v2 2.4 and yaml.go of sigs.k8s.io/yaml 1.6, as vendored by Helm 3.21.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import struct
from typing import Final

TAG: Final = "tag:yaml.org,2002:"
RESOLVABLE: Final = frozenset(f"{TAG}{name}" for name in ("str", "bool", "int", "float", "null"))

Scalar = str | bool | int | float | None

_WORDS: Final[dict[str, Scalar]] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_DOT_FLOAT: Final = re.compile(r"\.[0-9]+(_[0-9]+)*([eE][-+]?[0-9]+(_[0-9]+)*)?", re.ASCII)
_INT: Final = re.compile(
    r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[oO]([0-7]+)|0[bB]([01]+)|0([0-7]+)|(0|[1-9][0-9]*))", re.ASCII
)
_BASES: Final = (16, 8, 2, 8, 10)
_SMALLEST_INT: Final = -(2**63)
_LARGEST_INT: Final = 2**64 - 1


def resolve_plain(text: str) -> Scalar:
    """What Helm makes of an unquoted, untagged scalar; NaN and infinities are floats here."""
    if text in _WORDS:
        return _WORDS[text]
    first = text[0]
    if first == ".":
        return _as_float(text) if _DOT_FLOAT.fullmatch(text) else text
    if first not in "+-0123456789":
        return text
    digits = text.replace("_", "")
    whole = _as_int(digits)
    if whole is not None:
        return whole
    if _FLOAT.fullmatch(digits):
        number = _as_float(digits)
        return text if isinstance(number, str) else number
    return text


def resolve_tagged(text: str, tag: str) -> Scalar:
    """What Helm makes of a scalar with an explicit tag; unknown tags leave a string.

    Raises ValueError with a sentence that does not quote the scalar, which may be a secret.
    """
    if tag == f"{TAG}binary":
        try:
            return base64.b64decode("".join(text.split()), validate=True).decode("utf-8", "replace")
        except binascii.Error:
            raise ValueError("the scalar tagged !!binary is not valid base64") from None
    if tag not in RESOLVABLE or tag == f"{TAG}str":
        return text
    value = resolve_plain(text)
    if tag == f"{TAG}float" and type(value) is int:
        return float(value)
    if _tag_of(value) != tag:
        raise ValueError(f"the scalar tagged !!{tag.removeprefix(TAG)} does not hold one")
    return value


def key_text(value: Scalar) -> str:
    """The string that a map key becomes on its way through JSON; ValueError where Helm refuses the key."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float_key(value)
    if value is None or value > 2**63 - 1:
        raise ValueError("a map key is empty or null" if value is None else "a map key is too large a number")
    return str(value)


def _as_int(digits: str) -> int | None:
    match = _INT.fullmatch(digits)
    if match is None:
        return None
    sign, *numbers = match.groups()
    number, base = next((n, b) for n, b in zip(numbers, _BASES, strict=True) if n is not None)
    value = int(number, base) * (-1 if sign == "-" else 1)
    in_range = _SMALLEST_INT <= value <= (2**63 - 1 if sign else _LARGEST_INT)
    return value if in_range else None


def _as_float(text: str) -> float | str:
    value = float(text)
    return text if math.isinf(value) else value


def _tag_of(value: Scalar) -> str:
    names = {bool: "bool", int: "int", float: "float", str: "str", type(None): "null"}
    return TAG + names[type(value)]


def _float_key(value: float) -> str:
    """Go's shortest 32-bit form: sigs.k8s.io/yaml writes float keys that way."""
    if math.isnan(value):
        return ".nan"
    try:
        single = struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        single = math.copysign(math.inf, value)
    if math.isinf(single):
        return ".inf" if single > 0 else "-.inf"
    shortest = next(
        text
        for digits in range(9)
        if struct.unpack("f", struct.pack("f", float(text := f"{single:.{digits}e}")))[0] == single
    )
    mantissa, exponent = shortest.split("e")
    power = int(exponent)
    if power < -4 or power >= 6:  # noqa: PLR2004 - the bounds of Go's shortest %g
        return f"{mantissa}e{power:+03d}"
    decimals = max(0, len(mantissa.lstrip("-").replace(".", "")) - 1 - power)
    return f"{float(shortest):.{decimals}f}"
