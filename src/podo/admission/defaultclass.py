"""DefaultStorageClass and DefaultIngressClass: a claim and an Ingress that name no class get the default one.

Of several defaults the newest counts. Source: "Storage Classes" and "Ingress" of the Kubernetes documentation.
"""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from podo.admission.request import AdmissionRequest, Plugin, is_core
from podo.api.kind import Kind, Obj
from podo.api.kinds.core.persistentvolumeclaim_rules import CLASS_ANNOTATION as STORAGE_CLASS
from podo.api.kinds.networking.ingress import CLASS_ANNOTATION as INGRESS_CLASS
from podo.api.kinds.networking.ingressclass import INGRESSCLASS
from podo.api.kinds.storage.storageclass import STORAGECLASS
from podo.api.meta import annotations_of, name_of

STORAGE_DEFAULT = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)
INGRESS_DEFAULT = ("ingressclass.kubernetes.io/is-default-class",)
_MARK = b'is-default-class":"true"'
_PAGE = 500


def newest(classes: Iterable[Obj]) -> Obj | None:
    """The default among those that say they are: the newest, of those of one second the first by name."""
    by_name = sorted(classes, key=name_of)
    return max(by_name, key=lambda one: one["metadata"].get("creationTimestamp") or "", default=None)


async def _defaults(request: AdmissionRequest, kind: Kind, marks: tuple[str, ...]) -> list[Obj]:
    if not request.store.count(kind.prefix):
        return []
    found: list[Obj] = []
    after = ""
    while True:
        page = await request.store.range(kind.prefix, after=after, limit=_PAGE)
        classes = [orjson.loads(record.value) for record in page.records if _MARK in record.value]
        found += [one for one in classes if any(annotations_of(one).get(mark) == "true" for mark in marks)]
        if not page.remaining:
            return found
        after = page.records[-1].key


async def storage_class(request: AdmissionRequest) -> None:
    claim = request.object or {"metadata": {}}
    spec = claim.get("spec")
    if not isinstance(spec, dict) or spec.get("storageClassName") is not None or STORAGE_CLASS in annotations_of(claim):
        return
    if found := newest(await _defaults(request, STORAGECLASS, STORAGE_DEFAULT)):
        spec["storageClassName"] = name_of(found)


async def ingress_class(request: AdmissionRequest) -> None:
    ingress = request.object or {"metadata": {}}
    spec = ingress.get("spec")
    if not isinstance(spec, dict) or spec.get("ingressClassName") is not None:
        return
    if INGRESS_CLASS in annotations_of(ingress):
        return
    if found := newest(await _defaults(request, INGRESSCLASS, INGRESS_DEFAULT)):
        spec["ingressClassName"] = name_of(found)


STORAGE = Plugin(
    "DefaultStorageClass",
    lambda kind, operation, subresource: (
        operation == "CREATE" and not subresource and is_core(kind, "persistentvolumeclaims")
    ),
    storage_class,
)
INGRESS = Plugin(
    "DefaultIngressClass",
    lambda kind, operation, subresource: (
        operation == "CREATE" and not subresource and kind.resource == "ingresses.networking.k8s.io"
    ),
    ingress_class,
)
