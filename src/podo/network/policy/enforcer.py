"""The NetworkPolicies of one node: watches them, pods and namespaces, keeps their nftables table as they want it.

The pods of the whole cluster are watched from the first policy on, not before: most clusters have none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from podo.api.kind import Obj
from podo.client.cache import Cache, CacheChange
from podo.client.index import Place
from podo.network.policy.pods import PodFacts, facts_of
from podo.network.policy.rules import Enforced, compile_policies
from podo.network.policy.table import full_text
from podo.network.syncing import Syncing

#: Between two replacements of the table: changes that come close together are one.
PAUSE = 0.1
#: The kinds that the cache and the cache of peers must have.
KINDS = ("NetworkPolicy",)
PEER_KINDS = ("Pod", "Namespace")


class Rules(Protocol):
    """What applies nft text, all of it or nothing (``nftables.Nftables``), and is used by nobody else."""

    def run(self, text: str) -> None: ...


class PolicyEnforcer:
    """``cache`` has the policies and belongs to the caller; ``peers`` is started and stopped here. ``table``: the
    name of the nftables table."""

    def __init__(self, cache: Cache, peers: Cache, node: str, dns_ip: str, table: str, rules: Rules) -> None:
        self._cache, self._peers = cache, peers
        self._node, self._dns_ip = node, dns_ip
        self._table, self._rules = table, rules
        self._watches_peers = False
        self._pods: dict[Place, PodFacts] = {}
        self._applied = ""
        self._unsubscribe = lambda: None
        self._syncing = Syncing("network policies", self._sync, failed=self._start_over, pause=PAUSE)
        self.synced = self._syncing.synced

    async def start(self) -> None:
        """The cache must be synced."""
        self._unsubscribe = self._cache.subscribe(self._note_policy)
        self._peers.subscribe(self._note_peer)
        self._syncing.start()

    async def stop(self) -> None:
        """Stop changing the table; it stays, so that policies hold while podo restarts."""
        self._unsubscribe()
        await self._syncing.stop()
        if self._watches_peers:
            await self._peers.stop()

    def _note_policy(self, kind: str, revision: int, changes: Sequence[CacheChange]) -> None:
        if kind == "NetworkPolicy" and changes:
            self._syncing.wake()

    def _note_peer(self, kind: str, revision: int, changes: Sequence[CacheChange]) -> None:
        for change in changes:
            if kind != "Pod" or self._note_pod(change):
                self._syncing.wake()

    def _note_pod(self, change: CacheChange) -> bool:
        """Take in a change of a pod. Does it matter to policies?"""
        before, now = self._pods.pop(change.place, None), facts_of(change.new)
        if now is not None:
            self._pods[change.place] = now
        return before != now

    def _start_over(self) -> None:
        self._applied = ""

    async def _sync(self) -> None:
        policies = self._cache.list("NetworkPolicy")
        if policies:
            await self._watch_peers()
        text = full_text(self._table, self._compiled(policies))
        if text != self._applied:
            await asyncio.to_thread(self._rules.run, text)
            self._applied = text

    def _compiled(self, policies: list[Obj]) -> Enforced:
        spaces = {
            space["metadata"]["name"]: space["metadata"].get("labels") or {} for space in self._peers.list("Namespace")
        }
        return compile_policies(policies, list(self._pods.values()), spaces, self._node, self._dns_ip)

    async def _watch_peers(self) -> None:
        if not self._watches_peers:
            self._watches_peers = True
            await self._peers.start()
        await self._peers.wait_synced()
