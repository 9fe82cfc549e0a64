"""An OpenID Connect issuer on loopback, with keys made for the test."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mammoseg.viewer.server import serving

AUDIENCE = "mammoseg"


class Issuer:
    """Signs tokens, and serves the discovery document and the key set.

    Attributes:
        fetched: how often the key set was asked for.
    """

    def __init__(self) -> None:
        self.url = ""
        self.fetched = 0
        self.document: dict[str, Any] = {}
        self.keys: dict[str, rsa.RSAPrivateKey] = {}
        self.add_key("first")

    def add_key(self, name: str, bits: int = 2048) -> None:
        """Make a key and publish it."""
        self.keys[name] = rsa.generate_private_key(65537, bits)

    def token(self, *, key: Any = None, kid: str = "first", alg: str = "RS256", **claims: Any) -> str:
        """A token that is valid but for what is said here; a claim that is None is left out."""
        all_claims = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "4711",
            "exp": time.time() + 600,
            "preferred_username": "ada",
            "roles": ["annotator"],
            **claims,
        }
        kept = {name: value for name, value in all_claims.items() if value is not None}
        return jwt.encode(kept, self.keys[kid] if key is None else key, alg, headers={"kid": kid})

    def public_pem(self) -> bytes:
        """The first public key as text."""
        return self.keys["first"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def key_set(self) -> dict[str, Any]:
        """The published keys, RFC 7517."""
        as_json = {
            name: json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())) for name, key in self.keys.items()
        }
        return {"keys": [{**key, "kid": name, "use": "sig"} for name, key in as_json.items()]}


@contextmanager
def running_issuer() -> Iterator[Issuer]:
    """Serve an issuer for as long as the block lasts."""
    issuer = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/keys":
                issuer.fetched += 1
            body = json.dumps(issuer.key_set() if self.path == "/keys" else issuer.document).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer.url = f"http://127.0.0.1:{server.server_port}"
    issuer.document = {"issuer": issuer.url, "jwks_uri": f"{issuer.url}/keys"}
    with serving(server):
        yield issuer
