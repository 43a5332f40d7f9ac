"""Where a server takes its license from, by the environment that its container gets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from auditor.model.product import Product

ORDER = ("key", "server", "file")
"""The images' start scripts take the first that is set.
https://github.com/rstudio/rstudio-docker-products/blob/dev/connect/startup.sh"""

VARIABLES = {
    Product.CONNECT: ("RSC_LICENSE", "PCT_LICENSE"),
    Product.PACKAGE_MANAGER: ("RSPM_LICENSE", "PPM_LICENSE"),
}
"""The variable of a license key. The charts set the first; the images of 2026 read the second too.
https://github.com/posit-dev/images-connect, https://github.com/posit-dev/images-package-manager"""

_SUFFIXES = {"key": "", "server": "_SERVER", "file": "_FILE_PATH"}


def sources(product: Product, container: Mapping[str, Any]) -> dict[str, str]:
    """Each kind of license that the container is given, in the order in which they win, with its variable."""
    given = {
        str(entry.get("name")) for entry in container.get("env") or () if entry.get("value") or entry.get("valueFrom")
    }
    found: dict[str, str] = {}
    for kind in ORDER:
        for variable in VARIABLES[product]:
            name = f"{variable}{_SUFFIXES[kind]}"
            if name in given:
                found.setdefault(kind, name)
    return found


def file_key(filled: Iterable[str]) -> str:
    """Which key of a Secret is the license file, of those with content: the sole one, or the sole `.lic`; "" where it
    could be another."""
    names = list(filled)
    plausible = names if len(names) == 1 else [name for name in names if name.endswith(".lic")]
    return plausible[0] if len(plausible) == 1 else ""


def plain_keys(product: Product, environment: Any) -> dict[str, str]:
    """License keys that stand in the environment themselves, by variable. Never put one into a message."""
    return {
        entry["name"]: str(entry["value"])
        for entry in (environment if isinstance(environment, list | tuple) else ())
        if isinstance(entry, Mapping) and entry.get("name") in VARIABLES[product] and entry.get("value")
    }
