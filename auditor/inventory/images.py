"""What an image's name tells: which product, and which version of it."""

from __future__ import annotations

import re
from typing import Final

from auditor.model.product import Product
from auditor.model.seen import Unseen

REPOSITORIES: Final = {
    # The charts' own values.yaml (rstudio/helm, charts/*/values.yaml, image.repository of all versions) ...
    "rstudio/rstudio-connect": Product.CONNECT,
    "posit/connect": Product.CONNECT,
    "rstudio/rstudio-package-manager": Product.PACKAGE_MANAGER,
    "posit/package-manager": Product.PACKAGE_MANAGER,
    # ... and where Posit mirrors them (https://docs.posit.co/helm/docs/migrating-to-posit-images.html).
    "posit-dev/connect": Product.CONNECT,
    "posit-dev/package-manager": Product.PACKAGE_MANAGER,
}
"""The end of a repository's name; a registry or a mirror's folder may stand before it."""

_VERSION: Final = re.compile(r"(?<!\d)(\d{4}\.\d{1,2}\.\d+)(?!\d)")


def product_of_image(image: str) -> Product | None:
    repository = _without_tag(image)
    for name, product in REPOSITORIES.items():
        if repository == name or repository.endswith(f"/{name}"):
            return product
    return None


def product_version(image: str) -> str | Unseen:
    """From tags like `2026.08.0-ubuntu-24.04`, `ubuntu2204-2024.06.0`, `bionic-2022.07.2-11`: their "2026.08.0"."""
    if not image:
        return Unseen(
            reason="There is no Deployment whose image would tell the product's version.",
            how="Look at it again once the release is installed.",
        )
    match = _VERSION.search(_tag(image))
    if match and product_of_image(image):
        return match.group(1)
    why = ", since the image is not one of Posit's: it may be a date" if match else ""
    return Unseen(
        reason=f"The tag of image {image} doesn't tell the product's version{why}.",
        how="Ask the product: its start page and its log's first lines tell its version.",
    )


def _without_tag(image: str) -> str:
    return image.partition("@")[0].removesuffix(f":{_tag(image)}")


def _tag(image: str) -> str:
    return image.partition("@")[0].rpartition("/")[2].partition(":")[2]
