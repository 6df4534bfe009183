"""CertificateSigningRequests of nodes: a request for a kubelet's client certificate is approved when an access review
says that whoever made it may have one, for itself (``selfnodeclient``) or for any node (``nodeclient``).

Source: "Kubelet TLS bootstrapping" of the Kubernetes documentation.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator

from podo.api.kind import Obj
from podo.api.meta import is_deleting
from podo.api.parts import kubeletrequest, x509
from podo.api.parts.signername import KUBELET_CLIENT
from podo.reconcile.actions import Action, Ask, CheckAgain, Update
from podo.reconcile.declare import Declaration, Key, View
from podo.values import timestamp

_OWN = "selfnodeclient", "Auto approving self kubelet client certificate after SubjectAccessReview."
_ANY = "nodeclient", "Auto approving kubelet client certificate after SubjectAccessReview."
#: Who may have a certificate changes while a request waits: it is asked again after as long as it has waited.
SOONEST, LATEST = 0.2, 1000.0


def _reconcile(key: Key, view: View) -> Iterator[Action]:
    request = view.get("CertificateSigningRequest", key.name)
    if request is None or is_deleting(request) or not _is_open(request):
        return
    questions = _questions(request["spec"])
    if questions:
        waited = view.now - timestamp.parse(request["metadata"]["creationTimestamp"])
        yield from _asked(request, questions, timestamp.time(view.now))
        yield CheckAgain(min(max(waited, SOONEST), LATEST))


def _is_open(request: Obj) -> bool:
    status = request.get("status") or {}
    decided = any(one.get("type") in ("Approved", "Denied") for one in status.get("conditions") or ())
    return not decided and not status.get("certificate")


def _questions(spec: Obj) -> list[tuple[str, str]]:
    """What the user must be allowed, either of it, and what is said then; nothing of requests for something else."""
    if spec.get("signerName") != KUBELET_CLIENT:
        return []
    wish = x509.pem_request(base64.b64decode(spec["request"]))
    if wish is None or kubeletrequest.client_problem(wish, spec.get("usages") or ()):
        return []
    return [_OWN, _ANY] if spec.get("username") == kubeletrequest.common_name(wish) else [_ANY]


def _asked(request: Obj, questions: list[tuple[str, str]], now: str) -> Iterator[Action]:
    """Ask the first of the questions, and the others if the answer is no."""
    if not questions:
        return
    (subresource, message), *others = questions

    def told(answer: Obj) -> Iterable[Action]:
        if (answer.get("status") or {}).get("allowed"):
            return [_approval(request, message, now)]
        return _asked(request, others, now)

    yield Ask(_review(request["spec"], subresource), told)


def _review(spec: Obj, subresource: str) -> Obj:
    """May who made the request create this?"""
    wanted = {"group": "certificates.k8s.io", "resource": "certificatesigningrequests", "verb": "create"}
    who = {
        "user": spec.get("username"),
        "uid": spec.get("uid"),
        "groups": spec.get("groups"),
        "extra": spec.get("extra"),
    }
    asked = {name: value for name, value in who.items() if value}
    asked["resourceAttributes"] = {**wanted, "subresource": subresource}
    return {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "metadata": {}, "spec": asked}


def _approval(request: Obj, message: str, now: str) -> Update:
    status = request.get("status") or {}
    condition = {
        "type": "Approved",
        "status": "True",
        "reason": "AutoApproved",
        "message": message,
        "lastUpdateTime": now,
        "lastTransitionTime": now,
    }
    conditions = [*(status.get("conditions") or ()), condition]
    return Update({**request, "status": {**status, "conditions": conditions}}, "approval")


reconcile = Declaration("csrapproving", "CertificateSigningRequest", _reconcile)
