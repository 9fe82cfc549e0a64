"""Bearer tokens of an OpenID Connect issuer: RS256 only; key, issuer, audience and expiry checked (RFC 7519, 8725)."""

import json
import logging
import threading
import time
from typing import Any

import jwt
import requests

from mammoseg.errors import WrongCallError
from monailabel_app.lib.errors import HttpError
from monailabel_app.lib.login.roles import Person, parse_roles
from monailabel_app.lib.settings import Oidc, check_key_address

logger = logging.getLogger(__name__)

LEEWAY_SECONDS = 30
"""That clocks may differ by."""

KEEP_SECONDS = 3600.0
"""Keys are fetched again after it."""

RETRY_SECONDS = 30.0
"""At least between two fetches, so that tokens with unknown keys do not make this server flood the issuer."""

MOST_BYTES = 2**20
LEAST_KEY_BITS = 2048


class Verifier:
    """Checks tokens against the issuer's key set, which is fetched with the first token."""

    def __init__(self, oidc: Oidc) -> None:
        self.oidc = oidc
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched = self._tried = float("-inf")
        self._lock = threading.Lock()

    def require_person(self, token: str) -> Person:
        """Whom the token stands for.

        Raises:
            jwt.InvalidTokenError: it is expired, of another issuer or audience, or not signed with the issuer's key.
            HttpError: 503; the issuer does not give its keys.
        """
        header = jwt.get_unverified_header(token)
        if header.get("alg") != "RS256":
            raise jwt.InvalidAlgorithmError("not RS256")
        claims = jwt.decode(
            token,
            self._require_key(str(header.get("kid", ""))),
            algorithms=["RS256"],
            audience=self.oidc.audience,
            issuer=self.oidc.issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp", "iss", "aud", "sub"]},
        )
        name = claims.get(self.oidc.name_claim) or claims["sub"]
        roles = parse_roles(_find_claim(claims, self.oidc.roles_claim), prefix=self.oidc.role_prefix)
        name = str(name)[:64].encode("utf-8", "replace").decode()  # JSON can hold half a character, no answer can
        return Person(name, roles, expires=float(claims["exp"]))

    def _require_key(self, name: str) -> jwt.PyJWK:
        known = self._keys.get(name)
        if known is not None and time.monotonic() - self._fetched <= KEEP_SECONDS:
            return known  # without waiting for who asks the issuer for another
        with self._lock:
            now = time.monotonic()
            is_stale = name not in self._keys or now - self._fetched > KEEP_SECONDS
            if is_stale and now - self._tried > RETRY_SECONDS:
                self._tried = now
                self._keys, self._fetched = self._fetch(), now
            if name in self._keys:
                return self._keys[name]
            if not self._keys:
                raise HttpError(503, "E_LOGIN_AWAY", "the issuer of logins does not give its keys; try again later.")
            raise jwt.InvalidKeyError("unknown key")

    def _fetch(self) -> dict[str, jwt.PyJWK]:
        """Keys by their id; those that were known where the issuer does not answer."""
        try:
            document = _get_json(self.oidc.issuer.rstrip("/") + "/.well-known/openid-configuration")
            if document["issuer"] != self.oidc.issuer:
                raise ValueError("another issuer")
            check_key_address(document["jwks_uri"], "jwks_uri")
            keys = [key for key in _get_json(document["jwks_uri"])["keys"] if _can_verify(key)]
            found = {key["kid"]: jwt.PyJWK(key, "RS256") for key in keys}
        except (requests.RequestException, ValueError, LookupError, TypeError, jwt.PyJWTError, WrongCallError) as error:
            logger.error("the issuer's keys cannot be had: %s", type(error).__name__)
            return self._keys
        return {name: key for name, key in found.items() if key.key.key_size >= LEAST_KEY_BITS}


def _can_verify(key: dict[str, Any]) -> bool:
    return (
        key.get("kty") == "RSA"
        and key.get("use", "sig") == "sig"
        and key.get("alg", "RS256") == "RS256"
        and "kid" in key
    )


def _get_json(url: str) -> dict[str, Any]:
    with requests.get(url, timeout=5, allow_redirects=False, stream=True) as response:
        response.raise_for_status()
        body = response.raw.read(MOST_BYTES, decode_content=True)
    return dict(json.loads(body))


def _find_claim(claims: dict[str, Any], path: str) -> Any:
    value: Any = claims
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value
