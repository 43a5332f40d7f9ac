"""Settings of a rendered gcfg. Names of sections and keys are compared without case, as git's configuration format,
which gcfg follows, does; the last of several settings of one key counts. https://pkg.go.dev/gopkg.in/gcfg.v1"""

from __future__ import annotations

from auditor.model.snapshot import Config

_TRUE = frozenset(("true", "yes", "on", "1"))


def setting(config: Config, section: str, key: str) -> str | None:
    """The setting as text; None where it isn't set. It may be a secret: never put it into a message."""
    found: str | None = None
    for section_name, keys in config.gcfg.reveal().items():
        if section_name.lower() != section.lower():
            continue
        for name, values in keys.items():
            if name.lower() == key.lower() and values:
                found = values[-1]
    return found


def is_on(config: Config, section: str, key: str) -> bool:
    value = setting(config, section, key)
    return value is not None and value.strip().lower() in _TRUE
