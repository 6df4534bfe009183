"""ServiceCIDRs: each is marked Ready and kept by a finalizer; one that is deleted goes when no cluster IP is in use
that only it holds (KEP-1880).

The finalizer goes ten seconds after the deletion at the earliest: no API server gives an address of the range then.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from podo.api.kind import Obj
from podo.api.kinds.networking.ipaddress import is_allocated
from podo.api.kinds.networking.servicecidr import FINALIZER, READY, cidrs_of, holds, readiness, ready_condition
from podo.api.meta import is_deleting, name_of
from podo.reconcile.actions import Action, CheckAgain, Patch, Tell, Update, rest_after
from podo.reconcile.declare import Among, Key, View, controller
from podo.values import net, timestamp

GRACE_SECONDS = 10.0
_IN_USE = "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR"
_CANNOT = "The ServiceCIDR Status can not be set to Ready=True"


def _waiting(address: Obj, view: View) -> Iterator[Key]:
    """Those that are deleted and may go now that the address has gone, or may not now that it is there."""
    if is_allocated(address):
        for each in view.list("ServiceCIDR"):
            if is_deleting(each) and holds(each, name_of(address)):
                yield Key("", name_of(each))


def _beside(cidr: Obj, view: View) -> Iterator[Key]:
    """Those that are deleted and whose addresses this one may hold."""
    for each in view.list("ServiceCIDR"):
        if is_deleting(each) and name_of(each) != name_of(cidr):
            yield Key("", name_of(each))


@controller(
    reconciles="ServiceCIDR",
    watches={"ServiceCIDR": _beside, "IPAddress": Among("ServiceCIDR", _waiting)},
)
def reconcile(key: Key, view: View) -> Iterator[Action]:
    cidr = view.get("ServiceCIDR", key.name)
    if cidr is None:
        return
    if is_deleting(cidr):
        yield from _end(cidr, view)
    elif FINALIZER not in _finalizers(cidr):
        yield _with(cidr, [*_finalizers(cidr), FINALIZER])
    elif (ready_condition(cidr) or {}).get("status") != "True":
        yield _condition(cidr, "True", "", READY, view, on_refusal=lambda _: [_told(cidr)])


def _end(cidr: Obj, view: View) -> Iterator[Action]:
    if FINALIZER not in _finalizers(cidr):
        return
    if _is_needed(cidr, view):
        if (ready_condition(cidr) or {}).get("reason") != "Terminating":
            yield _condition(cidr, "False", "Terminating", _IN_USE, view)
        yield from rest_after(view.count("IPAddress"))
        return
    waits = GRACE_SECONDS - (view.now - timestamp.parse(cidr["metadata"]["deletionTimestamp"]))
    if waits > 0:
        yield CheckAgain(waits)
    else:
        yield _with(cidr, [name for name in _finalizers(cidr) if name != FINALIZER])


def _is_needed(cidr: Obj, view: View) -> bool:
    """Does it hold an address in use that no other holds?"""
    others = [each for each in view.list("ServiceCIDR") if name_of(each) != name_of(cidr)]
    if all(any(_is_within(one, each) for each in others) for one in cidrs_of(cidr)):
        return False
    return any(
        holds(cidr, name) and not any(holds(each, name) for each in others)
        for name in map(name_of, filter(is_allocated, view.list("IPAddress")))
    )


def _is_within(cidr: str, other: Obj) -> bool:
    inner = net.network(cidr)
    outers = map(net.network, cidrs_of(other))
    return any(outer.version == inner.version and _covers(outer, inner) for outer in outers)


def _covers(outer: net.Network, inner: net.Network) -> bool:
    return outer.prefixlen <= inner.prefixlen and inner.network_address in outer


def _finalizers(cidr: Obj) -> list[str]:
    return cidr["metadata"].get("finalizers") or []


def _with(cidr: Obj, finalizers: list[str]) -> Action:
    return Update({**cidr, "metadata": {**cidr["metadata"], "finalizers": finalizers}})


def _condition(cidr: Obj, status: str, reason: str, message: str, view: View, **more: Any) -> Action:
    condition = readiness(timestamp.time(view.now), status, reason, message)
    return Patch(cidr, {"status": {"conditions": [condition]}}, subresource="status", type="strategic", **more)


def _told(cidr: Obj) -> Tell:
    return Tell(cidr, "KubernetesServiceCIDRError", _CANNOT, "Warning")
