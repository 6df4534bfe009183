"""The accounts of all namespaces that have a quota; without any quota nothing is followed and nothing is kept.

``status.used`` goes up by what writes are charged, and down by what the store's log says has gone. Every quota is
counted anew when this process first sees it, when its spec changes, and every five minutes. Charges of other API
servers over the same store are seen in the status only: their writes on the way are not, when a quota is counted.
"""

from __future__ import annotations

import orjson

from podo.admission.resourcequota.account import Account, Changed, Charge
from podo.admission.resourcequota.usage import CLAIMS, PODS, SERVICES
from podo.api.kinds.core.resourcequota import RESOURCEQUOTA
from podo.runtime.clock import Clock
from podo.runtime.tasks import Tasks, sleep
from podo.storage.contract import Change, Compacted, Store, Watch

#: As kube-controller-manager's --resource-quota-sync-period.
RESYNC_SECONDS = 300.0
#: No write takes longer to arrive.
DOUBT_SECONDS = 10.0
#: Resources whose use can shrink by an update.
_SHRINK = (PODS, SERVICES, CLAIMS)


class Accounts:
    """``start`` it once the store is open."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._accounts: dict[str, Account] = {}
        self._log: Watch | None = None
        self._tasks = Tasks("resourcequota")
        self._resyncing = False

    def of(self, namespace: str) -> Account | None:
        """The account of a namespace with a quota."""
        return self._accounts.get(namespace)

    def now(self) -> float:
        """Wall time, seconds."""
        return self._clock.now()

    async def start(self) -> None:
        watch = self._store.watch(RESOURCEQUOTA.prefix)
        for record in (await self._store.range(RESOURCEQUOTA.prefix)).records:
            self._open(record.key).recount()

        def arrived() -> None:
            for change in watch.take():
                self._quota_changed(change)

        arrived()
        watch.on_change(arrived)

    async def stop(self) -> None:
        await self._tasks.stop()

    def _quota_changed(self, change: Change) -> None:
        if change.deleted:
            self._close(change.key)
        elif change.previous is None or _spec(change.previous.value) != _spec(change.record.value):
            account = self._open(change.key)
            account.recount()
            self._tasks.spawn(self._count_later(account), f"{account.namespace} again")

    async def _count_later(self, account: Account) -> None:
        """Writes that were admitted before there was such a quota, and had not arrived when it was counted."""
        await sleep(DOUBT_SECONDS)
        account.recount()

    def _open(self, key: str) -> Account:
        namespace = key.split("/")[3]
        account = self._accounts.get(namespace)
        if account is None:
            account = Account(self._store, self._clock, namespace, self._wake, self._later)
            self._accounts[namespace] = account
        if self._log is None:
            self._log = self._store.watch("/")
            self._log.on_change(self._follow)
        if not self._resyncing:
            self._resyncing = True
            self._tasks.spawn(self._resync(), "resync")
        return account

    def _close(self, key: str) -> None:
        namespace = key.split("/")[3]
        if self._store.count(f"{RESOURCEQUOTA.prefix}{namespace}/"):
            return
        account = self._accounts.get(namespace)
        if account is not None and not account.has_writes:  # else it stays, in case that a quota comes back
            del self._accounts[namespace]
        if not self._accounts and self._log is not None:
            self._log.close()
            self._log = None

    def _wake(self, account: Account) -> None:
        if not account.at_work:
            account.at_work = True
            self._tasks.spawn(self._work(account), account.namespace)

    def _later(self, account: Account, doubtful: Charge) -> None:
        self._tasks.spawn(self._decide(account, doubtful), f"{account.namespace} in doubt")

    async def _decide(self, account: Account, doubtful: Charge) -> None:
        await sleep(DOUBT_SECONDS)
        account.decide(doubtful)

    async def _work(self, account: Account) -> None:
        try:
            await account.work()
        finally:
            account.at_work = False

    async def _resync(self) -> None:
        while self._accounts:
            await sleep(RESYNC_SECONDS)
            self._count_all()
        self._resyncing = False

    def _count_all(self) -> None:
        for account in self._accounts.values():
            account.recount()

    def _follow(self) -> None:
        """Hand on what has gone, or may use less, to the account of its namespace."""
        if self._log is None:
            return
        try:
            changes = self._log.take()
        except Compacted:
            self._log.close()
            self._log = self._store.watch("/")
            self._log.on_change(self._follow)
            self._count_all()
            return
        for change in changes:
            if change.previous is not None:
                self._hand_on(change)

    def _hand_on(self, change: Change) -> None:
        parts = change.key.split("/")
        account = self._accounts.get(parts[3]) if len(parts) == 5 else None
        if account is None or change.previous is None:
            return
        resource = ("" if parts[1] == "core" else parts[1], parts[2])
        if change.deleted or resource in _SHRINK:
            new = None if change.deleted else orjson.loads(change.record.value)
            account.changed(Changed(resource, orjson.loads(change.previous.value), new, change.revision))


def _spec(value: bytes) -> object:
    return orjson.loads(value).get("spec")
