"""The table of attacks: a row says what is tried, with what in hand, which known vulnerability it stands for, and does
it. Rows are the functions of this folder's modules; ``test_table`` runs them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from podo.http.message import Response
from tests.pki import Pki
from tests.unit.apiserver.world import ADMIN, World, certificate, text_of

Obj = dict[str, Any]

BASE = "/api/v1/namespaces/default"
PODS, SECRETS, SERVICES, MAPS = (f"{BASE}/{plural}" for plural in ("pods", "secrets", "services", "configmaps"))
MERGE, STRATEGIC = "application/merge-patch+json", "application/strategic-merge-patch+json"
JSON_PATCH, APPLY = "application/json-patch+json", "application/apply-patch+yaml"
JANE = certificate("jane", "devs")
NODE = certificate("system:node:n1", "system:nodes")
VALUE = "streng-geheim"
SECRET: Obj = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"key": VALUE}}


@dataclass(frozen=True)
class Arena:
    """Where an attack takes place: an API server, a certificate authority for what needs TLS, an empty directory."""

    world: World
    pki: Pki
    folder: Path

    async def made(self, target: str, obj: Obj, who: bytes | None = ADMIN) -> Obj:
        """What is there before the attack, or what the attacker may make."""
        status, answer = await self.world.ask("POST", target, obj, who=who)
        assert status == 201, answer
        found: Obj = answer
        return found

    async def refused(
        self,
        method: str,
        target: str,
        body: Any = b"",
        *codes: int,
        who: bytes | None = JANE,
        says: str = "",
        **headers: str,
    ) -> Any:
        """The attempt: it ends with one of ``codes`` (else 403), and the answer has ``says`` in it."""
        status, answer = await self.world.ask(method, target, body, who=who, **headers)
        assert status in (codes or (403,)), (method, target, status, answer)
        assert says in str(answer), answer
        return answer

    async def bytes_of(self, method: str, target: str, body: Any = b"", **options: Any) -> tuple[int, bytes]:
        found = await self.world.answer(method, target, body, **options)
        assert isinstance(found, Response)
        return found.status, text_of(found)


Attempt = Callable[[Arena], Awaitable[None]]


@dataclass(frozen=True)
class Attack:
    """``stands_for``: CVE, CWE or the name of the class; ``with_``: what the attacker has."""

    what: str
    stands_for: str
    with_: str
    attempt: Attempt


ATTACKS: dict[str, Attack] = {}


def attack(what: str, stands_for: str, with_: str) -> Callable[[Attempt], Attempt]:
    def noted(attempt: Attempt) -> Attempt:
        assert what not in ATTACKS, what
        ATTACKS[what] = Attack(what, stands_for, with_, attempt)
        return attempt

    return noted
