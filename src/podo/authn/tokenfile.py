"""Static tokens: a file of lines ``token,user,uid,"group1,group2"``, only if asked for. Such tokens never expire and
are taken back by a restart only; ``podo audit`` tells of the file.

Source: "Static token file" of the Kubernetes documentation.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from hashlib import sha256

from podo.api.configuration import ConfigurationProblem
from podo.authn.method import Rejected, Whose
from podo.authn.user import AUTHENTICATED, User
from podo.runtime.log import Logger

log = Logger("podo.authn")
MOST_BYTES = 10 << 20
#: Whose a token is, by its hash: none is kept.
Tokens = dict[bytes, User]


def parse(document: bytes, where: str) -> Tokens:
    """Of a token that is there twice the last line counts. Raises ConfigurationProblem naming lines, never tokens."""
    if len(document) > MOST_BYTES:
        raise ConfigurationProblem(f"{where}: longer than {MOST_BYTES} bytes")
    found: Tokens = {}
    try:
        lines = csv.reader(document.decode().splitlines(), skipinitialspace=True, strict=True)
        for number, fields in enumerate((line for line in lines if line), 1):
            if len(fields) < 3:
                text = "token file must have at least 3 columns (token, user name, user uid)"
                raise ConfigurationProblem(f"{where}: record {number}: {text}, found {len(fields)}")
            token, name, uid = fields[:3]
            if not token:
                log.warning("empty token in the token file", file=where, record=number)
                continue
            groups = tuple(group for group in fields[3].split(",") if group) if len(fields) > 3 else ()
            found[_hashed(token)] = User(name, (*groups, AUTHENTICATED), uid)
    except (csv.Error, UnicodeDecodeError) as problem:
        reason = "not UTF-8" if isinstance(problem, UnicodeDecodeError) else str(problem)
        raise ConfigurationProblem(f"{where}: {reason}") from None
    return found


class StaticTokens:
    """A ``method.TokenMethod``. ``audiences``: those of the API server."""

    def __init__(self, tokens: Tokens, audiences: Sequence[str]) -> None:
        self._tokens, self._audiences = tokens, tuple(audiences)

    def knows(self, token: str) -> bool:
        return _hashed(token) in self._tokens

    async def authenticate(self, token: str, audiences: Sequence[str] = ()) -> Whose:
        """Raises Rejected."""
        user = self._tokens.get(_hashed(token))
        meant = tuple(one for one in audiences or self._audiences if one in self._audiences)
        if user is None or not meant:
            raise Rejected("static token: unknown, or not for these audiences")
        return Whose(user, meant)


def _hashed(token: str) -> bytes:
    return sha256(token.encode(errors="surrogateescape")).digest()
