"""What the search for releases hands to the facets."""

from __future__ import annotations

import msgspec

from auditor.model.helm import HelmRecord
from auditor.model.product import Product
from auditor.model.seen import Unseen
from auditor.model.snapshot import ReleaseRef


class StoredRelease(msgspec.Struct, frozen=True, kw_only=True):
    """The newest revision of a release, as far as its Secret's labels tell."""

    ref: ReleaseRef
    revision: int
    status: str
    secret: str
    deployed_once: bool = False
    """Some revision of it was brought to its end."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A release before its facets are looked at."""

    ref: ReleaseRef
    product: Product
    fullname: str
    selector: str
    """Label selector of the Deployment's pods; "" where there is no Deployment."""
    image: str
    """Of the server's container; "" where there is no Deployment."""
    stored: StoredRelease | Unseen | None = None
    """Helm's record of it; None where Helm did not install it."""
    record: HelmRecord | None = None
    """The record itself where the search had to read it."""
