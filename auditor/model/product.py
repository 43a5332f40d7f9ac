"""The two products and what never changes between their charts' versions (rstudio/helm, charts/*/templates)."""

from __future__ import annotations

from enum import StrEnum


class Product(StrEnum):
    """The value is the chart's name."""

    CONNECT = "rstudio-connect"
    PACKAGE_MANAGER = "rstudio-pm"

    @property
    def full_name(self) -> str:
        return {"rstudio-connect": "Posit Connect", "rstudio-pm": "Posit Package Manager"}[self.value]

    @property
    def container(self) -> str:
        """The name of the server's container."""
        return {"rstudio-connect": "connect", "rstudio-pm": "rspm"}[self.value]

    @property
    def gcfg_key(self) -> str:
        """The key of ConfigMap `<fullname>-config` that holds the rendered configuration."""
        return f"{self.value}.gcfg"


CONTENT_ACCOUNT_LABEL = "connect.posit.co/service-account"
"""Connect's direct runner offers accounts that carry this label key; it does not look at the value.
https://docs.posit.co/connect/admin/appendix/off-host/service-accounts/"""
