"""The bearer token of a browser, which can set no header of a WebSocket's request: it comes as one of the subprotocols
that are offered, ``base64url.bearer.authorization.k8s.io.TOKEN``, beside another one that is meant.
"""

from __future__ import annotations

import base64
import binascii

from podo.http import websocket
from podo.http.message import Request


def token_of(request: Request) -> str:
    """The token in clear; "" where none is shown. One that cannot be read is a token that nobody believes."""
    if not websocket.is_wanted(request):
        return ""
    parts = [part.strip() for part in request.headers.get("sec-websocket-protocol", "").split(",")]
    shown = [part.removeprefix(websocket.TOKEN_PROTOCOL) for part in parts if part.startswith(websocket.TOKEN_PROTOCOL)]
    if not shown:
        return ""
    if len(shown) > 1 or not websocket.offered(request):  # which of them, and what would be spoken?
        return "unreadable"
    try:
        return base64.b64decode(shown[0] + "=" * (-len(shown[0]) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return "unreadable"
