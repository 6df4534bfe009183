"""A small OpenID issuer on loopback: discovery and keys over HTTPS, tokens signed with RSA or ECDSA."""

from __future__ import annotations

import asyncio
import base64
import time
from pathlib import Path
from typing import Any

import orjson
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from podo.http.message import Request, Response
from podo.http.server import HttpServer
from podo.http.tls import server_context
from tests.pki import Pki


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value: int) -> str:
    return encoded(value.to_bytes((value.bit_length() + 7) // 8, "big"))


class Issuer:
    """``await start()``; ``sign(claims)``. ``rotate`` makes new keys; ``asked`` counts what was fetched."""

    def __init__(self, folder: Path) -> None:
        self.pki = Pki(folder)
        self.url = ""
        self.asked: list[str] = []
        self.says: dict[str, Any] = {}
        self._generation = 0
        self.rotate()

    def rotate(self) -> None:
        self._generation += 1
        self._rsa = rsa.generate_private_key(65537, 2048)
        self._ec = ec.generate_private_key(ec.SECP256R1())

    async def start(self) -> None:
        certificate, key = self.pki.issue("issuer")
        self._server = HttpServer(self._handle)
        port = await self._server.listen("127.0.0.1", 0, tls=server_context(certificate, key))
        self.url = f"https://127.0.0.1:{port}"

    async def stop(self) -> None:
        await self._server.stop(0.1)

    async def _handle(self, request: Request) -> Response:
        self.asked.append(request.path)
        await asyncio.sleep(0)
        if request.path == "/.well-known/openid-configuration":
            return Response(200, orjson.dumps({"issuer": self.url, "jwks_uri": f"{self.url}/keys", **self.says}))
        return Response(200, orjson.dumps({"keys": self.keys()}))

    def keys(self) -> list[dict[str, Any]]:
        of_rsa, of_ec = self._rsa.public_key().public_numbers(), self._ec.public_key().public_numbers()
        return [
            {"kty": "oct", "k": "AAAA", "kid": "oct"},
            {"kty": "RSA", "kid": f"rsa-{self._generation}", "n": number(of_rsa.n), "e": number(of_rsa.e)},
            {
                "kty": "EC",
                "kid": f"ec-{self._generation}",
                "crv": "P-256",
                "use": "sig",
                "x": encoded(of_ec.x.to_bytes(32, "big")),
                "y": encoded(of_ec.y.to_bytes(32, "big")),
            },
        ]

    def claims(self, **changes: Any) -> dict[str, Any]:
        """A change to None leaves the claim out."""
        now = int(time.time())
        found = {"iss": self.url, "aud": "podo", "sub": "ann", "exp": now + 600, "iat": now, **changes}
        return {name: value for name, value in found.items() if value is not None}

    def sign(self, algorithm: str = "RS256", head: dict[str, Any] | None = None, **changes: Any) -> str:
        kid = f"{'ec' if algorithm == 'ES256' else 'rsa'}-{self._generation}"
        first = {"alg": algorithm, "kid": kid, **(head or {})}
        said = f"{encoded(orjson.dumps(first))}.{encoded(orjson.dumps(self.claims(**changes)))}"
        return f"{said}.{encoded(self._signature(algorithm, said.encode()))}"

    def _signature(self, algorithm: str, said: bytes) -> bytes:
        if algorithm == "ES256":
            r, s = decode_dss_signature(self._ec.sign(said, ec.ECDSA(hashes.SHA256())))
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")
        if algorithm == "PS256":
            return self._rsa.sign(said, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
        return self._rsa.sign(said, padding.PKCS1v15(), hashes.SHA256())
