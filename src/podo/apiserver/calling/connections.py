"""The kept connections to other servers, by where they lead and whom they trust."""

from __future__ import annotations

import ssl
from collections import OrderedDict, defaultdict
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from weakref import WeakSet

from podo.apiserver.calling.failures import CannotCall
from podo.http.client import HttpPool
from podo.http.tls import client_context

#: Servers whose connections are kept; those not called for longest are closed first.
SERVERS = 256


@dataclass(frozen=True, slots=True)
class Trust:
    """``ca``: PEM text, "" for the system's CAs; ``certificate`` and ``key``: what is shown of ourselves, if asked."""

    ca: str = ""
    verify: bool = True
    certificate: Path | None = None
    key: Path | None = None


#: The contexts that show a certificate of ours, by its file: they are given the next one when it is renewed.
showing: defaultdict[Path, WeakSet[ssl.SSLContext]] = defaultdict(WeakSet)


@lru_cache(maxsize=SERVERS)
def context_of(trust: Trust) -> ssl.SSLContext:
    """Raises CannotCall for a bundle without a usable certificate."""
    try:
        context = client_context(ca_data=trust.ca, certificate=trust.certificate, key=trust.key, verify=trust.verify)
    except ssl.SSLError as problem:
        raise CannotCall(f"unable to load root certificates: {problem.reason or problem}") from None
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # a server's own certificate may stand in the bundle
    if trust.certificate is not None:
        showing[trust.certificate].add(context)
    return context


class Connections:
    """``to(...)`` gives the pool of one server, the same one for the same question."""

    def __init__(self) -> None:
        self._pools: OrderedDict[tuple[str, int, str, Trust], HttpPool] = OrderedDict()

    def to(self, host: str, port: int, authority: str, server_name: str, trust: Trust) -> HttpPool:
        key = (host, port, server_name, trust)
        pool = self._pools.get(key)
        if pool is None:
            tls = context_of(trust)
            pool = HttpPool(host, port, tls=tls, server_name=server_name, authority=authority)
            self._pools[key] = pool
            if len(self._pools) > SERVERS:
                self._pools.popitem(last=False)[1].close()
        else:
            self._pools.move_to_end(key)
        return pool

    def close(self) -> None:
        for pool in self._pools.values():
            pool.close()
        self._pools.clear()
