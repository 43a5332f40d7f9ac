"""What a status code of the API server becomes: a sentence that names who was refused what, and the error's class."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from auditor.cluster.conflict import holders
from auditor.cluster.connect import Connection
from auditor.cluster.retry import Transient
from auditor.errors import ApiError, Conflict, Forbidden, Gone, Invalid, NotAdmitted, NotFound, Unauthorized
from auditor.names import told
from auditor.names.shown import name

WITHHELD = "its message is withheld, since it can quote what is in the object"
_NO_RIGHT = re.compile(r'User ("(?:[^"\\]|\\.)*") cannot (impersonate resource "([^"]+)")?')
"""How an authorizer's answer begins (k8s.io/apiserver, pkg/endpoints/handlers/responsewriters/errors.go)."""
_WHO = re.compile(r"""(ValidatingAdmissionPolicy|admission webhook) ['"]([^'"]+)['"] (?:with|denied)""")
"""k8s.io/apiserver, pkg/admission/plugin/policy/validating/dispatcher.go and pkg/admission/plugin/webhook/errors."""
_RETRIED_STATUS = frozenset({408, 429, 500, 502, 503, 504})


class Refusal:
    """Turns a status code into the sentence and the class of the error."""

    def __init__(self, connection: Connection, verb: str, what: str, grant: str, read: str = "") -> None:
        self.connection, self.verb, self.what, self.grant, self.read = connection, verb, what, grant, read

    def of(self, status: int, body: bytes, headers: Mapping[str, str]) -> ApiError:
        reason, words, _ = told.status(body)
        # Of an object that is made by us all is known, and nothing in it is secret. Whatever else is quoted may be.
        ours = told.told(words) if self.verb == "create" else ""
        said, by = ours or reason, _by(words)
        if status == Unauthorized.status:
            return Unauthorized(
                f"The API server {self.connection.server} does not accept the credentials of context "
                f"{self.connection.context!r} (401).",
                hint="They may have expired: log in again, then check with: kubectl auth whoami",
            )
        if status == Forbidden.status and words and not _NO_RIGHT.search(words):
            # Admission (Pod Security, a quota, a webhook) answers 403 too; no grant helps then.
            return NotAdmitted(
                f"The API server does not admit {self.what}: {ours or by + WITHHELD} (403).",
                hint="" if ours else self._shown,
            )
        if status == Forbidden.status:
            return self._forbidden(_NO_RIGHT.search(words))
        if status == NotFound.status:
            return NotFound(f"The API server does not have {self.what} (404).")
        if status == Conflict.status:
            held = holders(body)
            holding = "; ".join(f"{told.field(field)} is held by {name(manager)}" for field, manager in held)
            why = holding or said or "it was changed meanwhile"
            return Conflict(f"{self.what} could not be changed: {why} (409).", holders=held)
        if status == Gone.status:
            return Gone(f"The API server can no longer {self.verb} {self.what}: {reason or 'it is too old'} (410).")
        if status == Invalid.status:
            why = by + WITHHELD if by and not ours else said or "no reason given"
            return Invalid(
                f"The API server refuses {self.what} as invalid: {why} (422).",
                hint="" if ours else self._shown,
            )
        if status in _RETRIED_STATUS:
            return Transient(
                f"The API server could not {self.verb} {self.what}{f': {said}' if said else ''} ({status}).",
                hint="Try again when it is less busy.",
                retry_after=_retry_after(headers),
            )
        return ApiError(f"The API server refused to {self.verb} {self.what}: {said or 'no reason given'} ({status}).")

    @property
    def _shown(self) -> str:
        """How to read what is not repeated, without a change."""
        return f"To read all that it says, without a change: {self.read}" if self.read else ""

    def _forbidden(self, said: re.Match[str] | None) -> Forbidden:
        """The user is the one that the server names, unless somebody else is to be impersonated."""
        sender = f"User {name(_unquoted(said[1]))!r}" if said else self.connection.identity
        wanted = self.connection.impersonation
        if said and said[2]:
            return Forbidden(
                f"{sender} may not impersonate {name(said[3])}, as which it would {self.verb} {self.what} (403):"
                f" asked for is{wanted.flags or ' an impersonation'}.",
                hint="Grant the verb impersonate for it, or leave out --as and the kubeconfig's `as`.",
            )
        return Forbidden(
            f"{self.connection.identity if wanted.user else sender} may not {self.verb} {self.what} (403).",
            hint=f"With a role that allows it this answers yes: {self.grant}",
        )


def _by(words: str) -> str:
    """Which webhook or policy it is; the rest of its words is its own."""
    found = _WHO.search(words)
    return f"{found[1]} {name(found[2])}; " if found else ""


def _unquoted(said: str) -> str:
    """Of a string as Go quotes it."""
    try:
        return str(json.loads(said))
    except ValueError:
        return said.strip('"')


def _retry_after(headers: Mapping[str, str]) -> float | None:
    try:
        return float(headers.get("Retry-After", ""))
    except ValueError:
        return None
