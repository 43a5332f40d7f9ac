"""The token of a kubeconfig's `auth-provider`, as client-go takes it (plugin/pkg/client/auth/oidc/oidc.go).

kubectl 1.26 removed all of them but oidc. A token that has expired is not renewed here: most identity providers accept
each refresh token once, so that the program that renews it must write the new one into the kubeconfig, as kubectl does.
"""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from auditor.cluster.kubeconfig import Chosen
from auditor.cluster.tls import KeyPair
from auditor.errors import ClusterError

_EARLY = timedelta(seconds=10)
"""By which client-go takes a token for expired, since clocks differ."""


class FromProvider:
    def __init__(self, chosen: Chosen, pair: KeyPair | None) -> None:
        provider = chosen.user.auth_provider or {}
        self.pair, self._context = pair, chosen.name
        self._config: dict[str, Any] = provider.get("config") or {}
        if provider.get("name") != "oidc":
            raise ClusterError(
                f"Context {chosen.name!r} logs in by the auth-provider {str(provider.get('name'))!r}, which kubectl and"
                " Helm no longer have.",
                hint="Use a credential program (`exec`) in its place, such as gke-gcloud-auth-plugin or kubelogin.",
            )
        for name in ("idp-issuer-url", "client-id"):
            if not self._config.get(name):
                raise ClusterError(
                    f"The auth-provider oidc of context {chosen.name!r} has no {name}.",
                    hint="kubectl needs it too: log in again.",
                )
        self.authorization()

    def authorization(self) -> str:
        token = self._config.get("id-token")
        if token and datetime.now(UTC) + _EARLY < self._expiry(str(token)):
            return f"Bearer {token}"
        word = "has expired" if token else "is missing"
        said = f"The id-token of context {self._context!r} {word}, and "
        if self._config.get("refresh-token"):
            raise ClusterError(
                f"{said}posit-audit does not renew it.", hint="Renew it with: kubectl auth whoami. Then run this again."
            )
        raise ClusterError(f"{said}the kubeconfig has no refresh-token.", hint="Log in again.")

    def renew(self) -> bool:
        return False

    def _expiry(self, token: str) -> datetime:
        try:
            _, claims, _ = token.split(".")
            expiry = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["exp"]
            return datetime.fromtimestamp(expiry, UTC)
        except (ValueError, TypeError, KeyError, OverflowError, OSError, binascii.Error, RecursionError):
            raise ClusterError(
                f"The id-token of context {self._context!r} is no JSON Web Token with a time of expiry.",
                hint="Log in again.",
            ) from None
