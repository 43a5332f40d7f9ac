"""The rendered configuration."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from auditor.errors import UnreadableValues
from auditor.inventory.asking import Look, reading
from auditor.model.kubernetes import CONFIG_MAPS, Access, ObjectRef
from auditor.model.seen import NotSeenError, Unseen, Withheld
from auditor.model.snapshot import Config, Facet
from auditor.values.document import Document

_SECTION: Final = re.compile(r"\[(.+)\]\s*")
# The charts write `Key = value`, flush left. A value with line breaks goes on in lines that look otherwise; they are
# not taken for keys, since what they hold may be a secret.
_SETTING: Final = re.compile(r"([A-Za-z][A-Za-z0-9]*) =(?: (.*))?")


@reading(Facet.CONFIG, Access(CONFIG_MAPS, ("get",)))
def config(look: Look) -> Config | None:
    ref = ObjectRef("ConfigMap", look.namespace, f"{look.found.fullname}-config")
    data = (look.ask.get(CONFIG_MAPS, ref.namespace, ref.name) or {}).get("data") or {}
    if look.found.product.gcfg_key not in data:
        return None
    return Config(
        ref=ref,
        gcfg=Withheld(parse_gcfg(data[look.found.product.gcfg_key])),
        job_base=_base(data, "job.yaml", ref),
        service_base=_base(data, "service.yaml", ref),
    )


def parse_gcfg(text: str) -> dict[str, dict[str, tuple[str, ...]]]:
    """Sections and keys as spelled; a repeated key has several values; what is in front of the first section is
    dropped (Connect charts 0.7.0 to 0.8.35 print a map there)."""
    sections: dict[str, dict[str, tuple[str, ...]]] = {}
    current: dict[str, tuple[str, ...]] | None = None
    for line in text.splitlines():
        if header := _SECTION.fullmatch(line):
            current = sections.setdefault(header.group(1), {})
        elif current is not None and (setting := _SETTING.fullmatch(line)):
            key, value = setting.group(1), (setting.group(2) or "").strip()
            current[key] = (*current.get(key, ()), value)
    return sections


def _base(data: Mapping[str, str], key: str, ref: ObjectRef) -> Withheld[Mapping[str, Any]] | None:
    if key not in data:
        return None
    try:
        return Withheld(Document.parse(data[key]).data)
    except UnreadableValues:
        # Its own message may quote the text.
        raise NotSeenError(
            Unseen(reason=f"{key} in {ref} is not a YAML map.", how="Look at the values that it is rendered from.")
        ) from None
