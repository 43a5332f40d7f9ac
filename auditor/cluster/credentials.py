"""By what the API server knows us: a token, a file that it is read from, a certificate, or a program that gives one of
them. Tokens are asked for again before each request, since they rotate while an ownership Job runs for hours."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from auditor.cluster import credential_program
from auditor.cluster.auth_provider import FromProvider
from auditor.cluster.kubeconfig import Chosen, User
from auditor.cluster.tls import KeyPair, authority_of, key_pair
from auditor.errors import ClusterError


class Credentials(Protocol):
    """`pair` may be another one after `authorization` or `renew`."""

    pair: KeyPair | None

    def authorization(self) -> str:
        """The header's value; "" where a certificate, or nothing, says who we are."""

    def renew(self) -> bool:
        """Others after the server refused these; False where there are none to be had."""


class Fixed:
    def __init__(self, authorization: str = "", pair: KeyPair | None = None) -> None:
        self._authorization, self.pair = authorization, pair

    def authorization(self) -> str:
        return self._authorization

    def renew(self) -> bool:
        return False


class TokenFile:
    """Whoever rotates the token replaces the file."""

    def __init__(self, file: Path, pair: KeyPair | None = None, last: str = "") -> None:
        self.file, self.pair, self._last = file, pair, last
        self.authorization()

    def authorization(self) -> str:
        try:
            self._last = self.file.read_text("utf-8").strip() or self._last
        except (OSError, UnicodeDecodeError) as error:
            if not self._last:
                why = getattr(error, "strerror", None) or "it is no text"
                raise ClusterError(f"The token file {self.file} can't be read: {why}.") from None
        return f"Bearer {self._last}"

    def renew(self) -> bool:
        before = self._last
        return self.authorization() != f"Bearer {before}"


class FromProgram:
    def __init__(self, chosen: Chosen) -> None:
        self._chosen = chosen
        self._now = self._run()
        self.pair = self._now.pair

    @property
    def asked(self) -> bool:
        return self._now.asked

    def authorization(self) -> str:
        if self._now.expires is not None and datetime.now(UTC) > _aware(self._now.expires):
            self.renew()
        return f"Bearer {self._now.token}" if self._now.token else ""

    def renew(self) -> bool:
        self._now = self._run()
        self.pair = self._now.pair
        return True

    def _run(self) -> credential_program.Credential:
        program, cluster = self._chosen.user.exec, self._chosen.cluster
        assert program is not None  # noqa: S101 - for the type
        return credential_program.run(program, cluster, authority_of(cluster), self._chosen.name)


def credentials_of(chosen: Chosen) -> Credentials:
    """The order of client-go. Raises ClusterError where they can't be had."""
    user = chosen.user
    pair = key_pair((user.client_certificate_data, user.client_certificate), (user.client_key_data, user.client_key))
    if user.exec is not None:
        credential_program.check(user.exec)
        if user.auth_provider is not None:
            raise ClusterError(
                f"The user of context {chosen.name!r} has an auth-provider and an exec program, which kubectl and Helm"
                " refuse.",
                hint="Remove one of the two from the user.",
            )
    if user.token_file:
        return TokenFile(Path(user.token_file), pair, user.token or "")
    if user.token:
        return Fixed(f"Bearer {user.token.strip()}", pair)
    if user.username or user.password:
        return Fixed(_basic(user), pair)
    if user.auth_provider is not None:
        return FromProvider(chosen, pair)
    if user.exec is not None and pair is None:
        return FromProgram(chosen)
    return Fixed(pair=pair)


def _basic(user: User) -> str:
    both = f"{user.username or ''}:{user.password or ''}".encode()
    return f"Basic {base64.b64encode(both).decode()}"


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
