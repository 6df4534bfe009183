"""A pod's imagePullSecrets: the users and passwords that they have for an image's registry."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass, field

import orjson

from podo.api.kind import Obj
from podo.api.meta import name_of, namespace_of, uid_of


@dataclass(frozen=True, slots=True)
class Login:
    """``secret``: uid, namespace and name of the Secret that it is from."""

    username: str
    password: str = field(repr=False)
    secret: tuple[str, str, str] = ("", "", "")

    @property
    def digest(self) -> str:
        """Tells two logins apart without telling them."""
        told = f"{len(self.username)}:{self.username}{self.password}"
        return hashlib.sha256(told.encode()).hexdigest()


def registry_of(image: str) -> str:
    """``registry.local:5000/web:1`` gives ``registry.local:5000``; a bare name is docker.io's."""
    first, slash, _ = image.partition("/")
    return first if slash and ("." in first or ":" in first or first == "localhost") else "docker.io"


def login_in(secret: Obj, registry: str) -> Login | None:
    """What a kubernetes.io/dockerconfigjson (or dockercfg) Secret has for a registry."""
    data = secret.get("data") or {}
    try:
        if encoded := data.get(".dockerconfigjson"):
            entries = (orjson.loads(base64.b64decode(encoded)) or {}).get("auths") or {}
        else:
            entries = orjson.loads(base64.b64decode(data.get(".dockercfg") or "e30="))
        for server, entry in entries.items():
            if _host(server) == registry or (registry == "docker.io" and _host(server) == "index.docker.io"):
                return Login(*_user_and_password(entry), (uid_of(secret), namespace_of(secret), name_of(secret)))
    except (ValueError, AttributeError, binascii.Error):
        return None
    return None


def _host(server: str) -> str:
    return server.removeprefix("https://").removeprefix("http://").partition("/")[0]


def _user_and_password(entry: Obj) -> tuple[str, str]:
    if auth := entry.get("auth"):
        user, _, password = base64.b64decode(auth).decode().partition(":")
        return user, password
    return str(entry.get("username") or ""), str(entry.get("password") or "")
