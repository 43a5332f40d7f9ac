"""What others say is repeated without what is known as secret, in whatever form, and without names that may be one."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest

from auditor.names.events import event, pod_security
from auditor.names.secrets import scrub
from auditor.names.told import status, told

URL = "postgres://ppm:S3cr3t%2FDsn@db.example:5432/ppm"
PAIRS = "host=db user=ppm password='two w0rds' sslmode=on"
VALUES = {"config": {"Postgres": {"URL": URL, "DSN": PAIRS}}, "hunter2swordfish": [{"x": "MiXeD-c4nary"}]}


@pytest.mark.parametrize(
    "form",
    [
        URL,
        "S3cr3t/Dsn",
        "S3cr3t%2FDsn",
        "s3cr3t/dsn",
        "two w0rds",
        "two%20w0rds",
        "two+w0rds",
        "MiXeD-c4nary",
        "mixed-c4nary",
        base64.b64encode(b"MiXeD-c4nary").decode(),
        base64.b64encode(b"MiXeD-c4nary\n").decode(),
        base64.urlsafe_b64encode(b"S3cr3t/Dsn").decode().rstrip("="),
        quote("S3cr3t/Dsn", safe=""),
        json.dumps(PAIRS),
        "hunter2swordfish",
        "HUNTER2SWORDFISH",
    ],
)
def test_every_form_of_a_known_secret_is_masked(form: str) -> None:
    said = f'cannot parse {form} of release "pm"'
    for text in (scrub(said, [VALUES]), told(said, [VALUES])):
        assert form not in text
        assert text.startswith("cannot parse ")
        assert text.endswith(' of release "pm"')


@pytest.mark.parametrize(
    ("said", "printed"),
    [
        ('ConfigMap "pm-config" is invalid', 'ConfigMap "pm-config" is invalid'),
        ('metadata.labels: Invalid value: "S3cr3t": must be', "metadata.labels: Invalid value: <withheld>: must be"),
        ("spec.replicas: Invalid value: -1: must be", "spec.replicas: Invalid value: <withheld>: must be"),
        ('unknown field "spec.S3cr3tC4nary"', 'unknown field "spec.****"'),
        ('secrets "connect-license" not found', 'secrets "connect-license" not found'),
        ('Get "https://me:pw@h/x?sig=1": EOF', 'Get "https://h/x": EOF'),
        ("token Zm9vYmFy1234 expired", "token **** expired"),
        *(2 * (f'violates PodSecurity "{level}:latest": runAsUser=0',) for level in ("restricted", "baseline")),
    ],
)
def test_of_an_unknown_text_names_are_printed_as_names(said: str, printed: str) -> None:
    assert told(said) == printed


def test_a_status_is_reason_and_causes() -> None:
    body: dict[str, Any] = {
        "reason": "Invalid",
        "message": 'x is invalid: data[S3cr3tC4nary]: Invalid value: "S3cr3tC4nary"',
        "details": {"causes": [{"field": "data[S3cr3tC4nary]", "reason": "FieldValueInvalid", "message": "S3cr3t"}]},
    }
    assert status(json.dumps(body).encode())[0] == "data[****] (FieldValueInvalid)"
    assert status(json.dumps({**body, "details": None}).encode())[0] == "Invalid"
    for garbage in (b"", b"x", b"[]", b'{"details": 1}', b'{"details": {"causes": [1]}}'):
        assert status(garbage)[0] == ""


@pytest.mark.parametrize(
    ("reason", "message", "count", "printed"),
    [
        ("FailedMount", "mount -o pass=c4nary: permission denied", 3, "FailedMount: permission denied (3 times)"),
        ("BackOff", 'Back-off pulling image "ghcr.io/x/y:1"', 1, "BackOff: image ghcr.io/x/y:1"),
        ("InProgress", "/c4nary, processed 9 files.", 1, "InProgress: processed 9 files"),
        ("c4naryReason1", "x", 1, "****"),
    ],
)
def test_an_event_is_reason_image_and_counts(reason: str, message: str, count: int, printed: str) -> None:
    assert event(reason, message, count) == printed


def test_pod_security_is_repeated_and_a_webhook_is_not() -> None:
    said = 'pods "x" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false'
    assert pod_security(said).startswith('violates PodSecurity "restricted:latest": allowPrivilegeEscalation')
    assert pod_security('admission webhook "x" denied the request: c4nary') == ""
