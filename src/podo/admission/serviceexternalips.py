"""DenyServiceExternalIPs: a Service catches the traffic to any address in ``externalIPs``, so only those may name new
ones who may ``use-external-ips`` of ``services`` in the namespace.

Upstream allows it to everyone who may write Services (CVE-2020-8554) and closes it for everyone by a plug-in that is
off. Here RBAC decides: cluster administrators may, as they may everything; ``admin`` and ``edit`` of a namespace may
not, until a Role says so. What a Service has already it keeps.
"""

from __future__ import annotations

from podo.admission.request import AdmissionRequest, Plugin, is_core
from podo.api.errors import forbidden
from podo.api.kind import Kind, Obj

VERB = "use-external-ips"


def handles(kind: Kind, operation: str, subresource: str) -> bool:
    return is_core(kind, "services") and operation in ("CREATE", "UPDATE") and not subresource


def _named(service: Obj | None) -> set[str]:
    return set(((service or {}).get("spec") or {}).get("externalIPs") or ())


async def admit(request: AdmissionRequest) -> None:
    if _named(request.object) <= _named(request.old):
        return
    if not request.may(VERB, "", "services", request.name, request.namespace):
        why = f'Use of external IPs is denied by admission control: it takes the verb "{VERB}" on services'
        raise forbidden(request.kind, request.name, why)


PLUGIN = Plugin("DenyServiceExternalIPs", handles, admit)
