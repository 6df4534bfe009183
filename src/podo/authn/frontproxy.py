"""Authentication by an authenticating proxy: who shows the front proxy's certificate names the user in headers.

Source: "Authenticating Proxy" of the Kubernetes documentation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from podo.api.parts.x509 import common_name
from podo.authn.user import AUTHENTICATED, User
from podo.http.message import Peer, Request

USER, GROUP, UID, EXTRA = "x-remote-user", "x-remote-group", "x-remote-uid", "x-remote-extra-"
_NOTE = "authn.frontproxy"


class FrontProxy:
    """``ca``: PEM of the authority (or authorities) that signs proxies and nobody else; ``names``: their common names
    that are believed."""

    def __init__(self, ca: bytes, names: Iterable[str] = ("front-proxy-client",)) -> None:
        self._ca = ca
        self._names = frozenset(names)

    @cached_property
    def _authorities(self) -> list[Any]:
        from cryptography import x509

        return list(x509.load_pem_x509_certificates(self._ca))

    def made(self, peer: Peer) -> bool:
        """Has the front proxy's authority signed the certificate of this connection? Found out once a connection."""
        known = peer.notes.get(_NOTE)
        if known is None:
            known = peer.notes[_NOTE] = self._looked_at(peer.certificate)
        return known != ""

    def _looked_at(self, certificate: bytes | None) -> str:
        """The common name of a proxy, "?" for none that is believed, "" where another authority has signed."""
        from cryptography import x509
        from cryptography.exceptions import InvalidSignature

        if certificate is None:
            return ""
        found = x509.load_der_x509_certificate(certificate)
        for authority in self._authorities:
            try:
                found.verify_directly_issued_by(authority)
            except (ValueError, TypeError, InvalidSignature):
                continue
            name = common_name(found.subject)
            return name if name in self._names else "?"
        return ""

    def user_of(self, request: Request) -> User | None:
        """The user whom a proxy names; None where it names none, or is not to be believed."""
        if request.peer.notes.get(_NOTE) in (None, "", "?"):
            return None
        lines = list(_lines(request))
        names = [text for name, text in lines if name == USER and text]
        if not names:
            return None
        groups = [text for name, text in lines if name == GROUP and text]
        uids = [text for name, text in lines if name == UID]
        extra: dict[str, list[str]] = {}
        for name, text in lines:
            if name.startswith(EXTRA) and len(name) > len(EXTRA):
                extra.setdefault(unquote(name[len(EXTRA) :]), []).append(text)
        if AUTHENTICATED not in groups:
            groups.append(AUTHENTICATED)
        known = tuple(sorted((key, tuple(values)) for key, values in extra.items()))
        return User(names[0], tuple(groups), uids[0] if uids else "", known)


def _lines(request: Request) -> Iterator[tuple[str, str]]:
    """Each header line by itself, where the request kept them: a group may have a comma in its name."""
    raw = getattr(request, "raw_headers", None)
    if raw is None:
        yield from ((name, text.strip()) for name, text in request.headers.items())
        return
    for name, text in raw:
        yield name.decode("latin-1").lower(), text.decode("utf-8", "replace").strip()
