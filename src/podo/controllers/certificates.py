"""CertificateSigningRequests: approved ones are signed by the cluster's CA, old ones are removed.

The signers, and how long requests are kept: "Certificates and Certificate Signing Requests" of the Kubernetes
documentation. The signing itself (keys, chance) is handed in.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterator

from podo.api.kind import Obj
from podo.api.meta import is_deleting
from podo.api.parts import pem, x509
from podo.api.parts.signername import KUBE_APISERVER_CLIENT, KUBELET_CLIENT, KUBELET_SERVING
from podo.reconcile.actions import Action, CheckAgain, Delete, SetStatus
from podo.reconcile.declare import Declaration, Key, View
from podo.values import timestamp

HOUR = 3600.0
#: Condition -> how long a request with it is kept; one that nobody has decided on, or signed yet, a day.
KEPT = {"Approved": HOUR, "Denied": HOUR, "Failed": HOUR}
KEPT_PENDING = 24 * HOUR
SIGNERS = (KUBE_APISERVER_CLIENT, KUBELET_CLIENT, KUBELET_SERVING)


class CannotSign(ValueError):
    """The signer does not sign such a request; the message says why."""


#: The certificate (PEM) for a request's spec. Raises CannotSign.
Sign = Callable[[Obj], bytes]


def certificatesigning(sign: Sign) -> Declaration:
    def reconcile(key: Key, view: View) -> Iterator[Action]:
        request = view.get("CertificateSigningRequest", key.name)
        if request is None or is_deleting(request) or request["spec"].get("signerName") not in SIGNERS:
            return
        status = request.get("status") or {}
        types = _types(request)
        if "Approved" not in types or "Denied" in types or "Failed" in types or status.get("certificate"):
            return
        try:
            certificate = sign(request["spec"])
        except CannotSign as refused:
            now = timestamp.time(view.now)
            condition = {
                "type": "Failed",
                "status": "True",
                "reason": "SignerValidationFailure",
                "message": str(refused),
                "lastUpdateTime": now,
                "lastTransitionTime": now,
            }
            yield SetStatus(request, {**status, "conditions": [*status.get("conditions", ()), condition]})
            return
        yield SetStatus(request, {**status, "certificate": base64.b64encode(certificate).decode()})

    return Declaration("certificatesigning", "CertificateSigningRequest", reconcile)


def _clean(key: Key, view: View) -> Iterator[Action]:
    request = view.get("CertificateSigningRequest", key.name)
    if request is None or is_deleting(request):
        return
    left = _ends(request) - view.now
    if left > 0:
        yield CheckAgain(left)
    else:
        yield Delete(request)


def _ends(request: Obj) -> float:
    """When the request is to be removed; an approved one at the latest when its certificate is of no use any more."""
    status, created = request.get("status") or {}, request["metadata"]["creationTimestamp"]
    ends = []
    for condition in status.get("conditions") or ():
        since = timestamp.parse(condition.get("lastUpdateTime") or created)
        if condition.get("type") != "Approved":
            ends.append(since + KEPT.get(condition["type"], KEPT_PENDING))
        elif issued := status.get("certificate"):
            ends += [since + KEPT["Approved"], _expires(issued)]
        else:
            ends.append(since + KEPT_PENDING)
    return min(ends, default=timestamp.parse(created) + KEPT_PENDING)


def _expires(issued: str) -> float:
    """The end of a certificate (the first of PEM in base64); never, of what is none."""
    try:
        first = next(pem.blocks(base64.b64decode(issued).decode()), None)
    except ValueError:
        return math.inf
    found = x509.certificate(first.content) if first is not None else None
    return float(found.not_valid_after_utc.timestamp()) if found is not None else math.inf


CLEANER = Declaration("certificatecleaner", "CertificateSigningRequest", _clean)


def _types(request: Obj) -> set[str]:
    return {condition.get("type", "") for condition in (request.get("status") or {}).get("conditions") or ()}
