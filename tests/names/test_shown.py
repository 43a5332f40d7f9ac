"""Which part of a name may be read."""

from __future__ import annotations

import pytest

from auditor.names.address import address, addresses, without_credentials
from auditor.names.shown import key, name

KEY = "ABCD-EFGH-1234-IJKL-MNOP-QRST-UVWX"
POD, CLAIM = "rstudio-connect-7d9c6b8f5d-x2x9z", "pvc-0b1c2d3e-aaaa-bbbb-cccc-1234567890ab"


@pytest.mark.parametrize(
    "text",
    [
        *("license.lic", "rstudio-connect.lic", "posit-package-manager.lic", "mine.lic", "a.lic", "tls.crt", "other"),
        *("config.Postgres.Password", "config.OAuth2.ClientSecret", "enableMigrations", "license.file.secretKey"),
        *("pod.volumeMounts[0].mountPath", "DB_PASSWORD", "image.reposotory", "licence.file.secret", "extraObjects"),
        r"sharedStorage.annotations.helm\.sh/resource-policy",
        *("2026-12-15.lic", "20261215_connect.lic", "v2", "---", ""),
    ],
)
def test_known_words_dates_and_misspellings_stay(text: str) -> None:
    assert key(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"2026-12-15_pm_acme_{KEY}.lic", "2026-12-15_pm_acme_****.lic"),
        (f"2026-12-15_pm_acme_{KEY.lower()}.lic", "2026-12-15_pm_acme_****.lic"),
        (f"{KEY}.lic", "****.lic"),
        ("password.hunter2", "password.****"),
        ("swordfish", "****"),
        ("correct-horse-battery-staple", "****"),
        ("abcd-efgh-ijkl-mnop", "abcd-****"),
        ("Zm9vYmFyYmF6", "****"),
        ("hunter2-2024-15", "****"),
        ("4711", "****"),
        ("postgres://me:pa55word@db/x", "postgres://me:****@db/****"),
        ("ключ.license", "****.license"),
        ("P@ssw0rd!", "P@****!"),
    ],
)
def test_the_rest_is_masked(text: str, shown: str) -> None:
    assert key(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        *(POD, CLAIM, "posit-audit-worker-0123456789ab", "team-data-prod-east-blue", "sh.helm.release.v1.pm.v12"),
        *("kubectl-client-side-apply", "ip-10-0-1-23.ec2.internal", "gke-prod-default-pool-1a2b3c4d-x9z8"),
        "docker.io/posit/package-manager:2026.08.0-ubuntu-24.04",
        f"ghcr.io/x@sha256:{'a0' * 32}",
        "i-0a1b2c3d4e5f60718",
        "system:serviceaccount:posit:MyServer2024",
    ],
)
def test_an_objects_name_stays_readable(text: str) -> None:
    assert name(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"license-{KEY}", "license-****"),
        (f"license-{KEY.lower()}", "license-****"),
        ("key-0123456789abcdef0123456789abcdef", "key-****"),
        ("token-Zm9vYmFy1234", "token-****"),
    ],
)
def test_a_random_part_of_an_objects_name_is_masked(text: str, shown: str) -> None:
    assert name(text) == shown


def test_addresses() -> None:
    url = "https://me:pw@h.example:8443/a/c4naryTokenInThePath0123/x?sig=1#f"
    assert address(url) == "https://h.example:8443/a/****/x"
    assert without_credentials(url) == "https://h.example:8443/a/c4naryTokenInThePath0123/x"
    assert addresses(f'Get "{url}": no, (see {url}).') == (
        'Get "https://h.example:8443/a/****/x": no, (see https://h.example:8443/a/****/x).'
    )
    assert address("/my/folder") == "/my/folder"
