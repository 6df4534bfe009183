"""Who may write what of a ResourceClaim's status beside the right to write it at all: its allocation and reservations,
who may do so to ``resourceclaims/binding``; what a driver tells of its devices, who may do so to
``resourceclaims/driver`` by the driver's name, as a pod on the claim's node or from anywhere.

Source: "Harden DRA status update permissions" of the Kubernetes documentation; its feature gate is
DRAResourceClaimGranularStatusAuthorization.
"""

from __future__ import annotations

from collections.abc import Iterator

from podo.admission.request import AdmissionRequest, Plugin
from podo.api.errors import invalid
from podo.api.kind import Kind, Obj, Problem
from podo.api.rules import forbidden

GROUP, CLAIMS = "resource.k8s.io", "resourceclaims"
_NODE = "authentication.kubernetes.io/node-name"
_ACCOUNT = "system:serviceaccount:"


def handles(kind: Kind, operation: str, subresource: str) -> bool:
    return kind.group == GROUP and kind.plural == CLAIMS and operation == "UPDATE" and subresource == "status"


async def admit(request: AdmissionRequest) -> None:
    old, new = ((obj or {}).get("status") or {} for obj in (request.old, request.object))
    if old == new:
        return
    verb = "patch" if request.options.get("kind") == "PatchOptions" else "update"
    if problems := [*_binding(request, verb, old, new), *_drivers(request, verb, old, new)]:
        raise invalid(request.kind, request.name, problems)


def _binding(request: AdmissionRequest, verb: str, old: Obj, new: Obj) -> Iterator[Problem]:
    is_same = old.get("allocation") == new.get("allocation")
    if is_same and (old.get("reservedFor") or []) == (new.get("reservedFor") or []):
        return
    if not request.may(verb, GROUP, CLAIMS, subresource="binding"):
        what = "changing status.allocation or status.reservedFor requires"
        yield _refused(request, "status", f'{what} resource="{CLAIMS}/binding", verb="{verb}"', verb, "binding")


def _drivers(request: AdmissionRequest, verb: str, old: Obj, new: Obj) -> Iterator[Problem]:
    verbs = [f"arbitrary-node:{verb}"]
    if _is_on(request, _node_of(new.get("allocation") or {})):
        verbs.insert(0, f"associated-node:{verb}")
    for driver in sorted({driver for driver, _ in _told_of(old) ^ _told_of(new)}):
        if not any(request.may(one, GROUP, CLAIMS, driver, request.namespace, "driver") for one in verbs):
            what = f'changing status.devices requires resource="{CLAIMS}/driver", verb="[{" ".join(verbs)}]"'
            yield _refused(request, "status.devices", what, verbs[0], "driver", driver)


def _told_of(status: Obj) -> set[tuple[str, str]]:
    """Each device's driver, and all that is told of the device."""
    return {(one.get("driver") or "", repr(sorted(one.items()))) for one in status.get("devices") or ()}


def _node_of(allocation: Obj) -> str:
    """The one node that the devices are on; "" where they are not on one."""
    terms = list((allocation.get("nodeSelector") or {}).get("nodeSelectorTerms") or ())
    if len(terms) != 1 or terms[0].get("matchExpressions") or len(terms[0].get("matchFields") or ()) != 1:
        return ""
    field = terms[0]["matchFields"][0]
    values = list(field.get("values") or ())
    is_name = (field.get("key"), field.get("operator"), len(values)) == ("metadata.name", "In", 1)
    return str(values[0]) if is_name else ""


def _is_on(request: AdmissionRequest, node: str) -> bool:
    """Is the user a service account whose token is bound to the node?"""
    return bool(node) and request.user.startswith(_ACCOUNT) and list(request.extra.get(_NODE) or ()) == [node]


def _refused(request: AdmissionRequest, path: str, what: str, verb: str, subresource: str, name: str = "") -> Problem:
    whom = f'{CLAIMS}.{GROUP} "{name}"' if name else f"{CLAIMS}.{GROUP}"
    where = f'in the namespace "{request.namespace}"' if name else "at the cluster scope"
    why = f'User "{request.user}" cannot {verb} resource "{CLAIMS}/{subresource}" in API group "{GROUP}" {where}'
    return forbidden(path, f"{what} permission: {whom} is forbidden: {why}")


PLUGIN = Plugin("DeviceClaimStatus", handles, admit)
