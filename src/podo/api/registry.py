"""The list of built-in kinds, and the ways to find one: by name, by resource, or by the object at hand.

A new kind is one file under ``api/kinds/`` and one line here.
"""

from __future__ import annotations

from podo.api.kind import Kind, Obj
from podo.api.kinds.admissionregistration.policy import MUTATINGADMISSIONPOLICY, VALIDATINGADMISSIONPOLICY
from podo.api.kinds.admissionregistration.policybinding import (
    MUTATINGADMISSIONPOLICYBINDING,
    VALIDATINGADMISSIONPOLICYBINDING,
)
from podo.api.kinds.admissionregistration.webhookconfiguration import (
    MUTATINGWEBHOOKCONFIGURATION,
    VALIDATINGWEBHOOKCONFIGURATION,
)
from podo.api.kinds.apiextensions.customresourcedefinition import CUSTOMRESOURCEDEFINITION
from podo.api.kinds.apiregistration.apiservice import APISERVICE
from podo.api.kinds.apps.controllerrevision import CONTROLLERREVISION
from podo.api.kinds.apps.daemonset import DAEMONSET
from podo.api.kinds.apps.deployment import DEPLOYMENT
from podo.api.kinds.apps.replicaset import REPLICASET
from podo.api.kinds.apps.statefulset import STATEFULSET
from podo.api.kinds.authentication.reviews import TOKENREQUEST
from podo.api.kinds.autoscaling.horizontalpodautoscaler import HORIZONTALPODAUTOSCALER
from podo.api.kinds.autoscaling.horizontalpodautoscaler_v1 import HORIZONTALPODAUTOSCALER_V1
from podo.api.kinds.autoscaling.scale import SCALE
from podo.api.kinds.batch.cronjob import CRONJOB
from podo.api.kinds.batch.job import JOB
from podo.api.kinds.certificates.certificatesigningrequest import CERTIFICATESIGNINGREQUEST
from podo.api.kinds.certificates.clustertrustbundle import CLUSTERTRUSTBUNDLE
from podo.api.kinds.certificates.podcertificaterequest import PODCERTIFICATEREQUEST
from podo.api.kinds.coordination.lease import LEASE
from podo.api.kinds.core.binding import BINDING
from podo.api.kinds.core.configmap import CONFIGMAP
from podo.api.kinds.core.endpoints import ENDPOINTS
from podo.api.kinds.core.event import EVENT
from podo.api.kinds.core.limitrange import LIMITRANGE
from podo.api.kinds.core.namespace import NAMESPACE
from podo.api.kinds.core.node import NODE
from podo.api.kinds.core.persistentvolume import PERSISTENTVOLUME
from podo.api.kinds.core.persistentvolumeclaim import PERSISTENTVOLUMECLAIM
from podo.api.kinds.core.pod import POD
from podo.api.kinds.core.podtemplate import PODTEMPLATE
from podo.api.kinds.core.replicationcontroller import REPLICATIONCONTROLLER
from podo.api.kinds.core.resourcequota import RESOURCEQUOTA
from podo.api.kinds.core.secret import SECRET
from podo.api.kinds.core.service import SERVICE
from podo.api.kinds.core.serviceaccount import SERVICEACCOUNT
from podo.api.kinds.discovery.endpointslice import ENDPOINTSLICE
from podo.api.kinds.events.event import EVENTS_EVENT
from podo.api.kinds.flowcontrol.flowschema import FLOWSCHEMA
from podo.api.kinds.flowcontrol.prioritylevelconfiguration import PRIORITYLEVELCONFIGURATION
from podo.api.kinds.networking.ingress import INGRESS
from podo.api.kinds.networking.ingressclass import INGRESSCLASS
from podo.api.kinds.networking.ipaddress import IPADDRESS
from podo.api.kinds.networking.networkpolicy import NETWORKPOLICY
from podo.api.kinds.networking.servicecidr import SERVICECIDR
from podo.api.kinds.node.runtimeclass import RUNTIMECLASS
from podo.api.kinds.policy.eviction import EVICTION
from podo.api.kinds.policy.poddisruptionbudget import PODDISRUPTIONBUDGET
from podo.api.kinds.rbac.binding import CLUSTERROLEBINDING, ROLEBINDING
from podo.api.kinds.rbac.role import CLUSTERROLE, ROLE
from podo.api.kinds.resource.deviceclass import DEVICECLASS
from podo.api.kinds.resource.devicetaintrule import DEVICETAINTRULE
from podo.api.kinds.resource.resourceclaim import RESOURCECLAIM, RESOURCECLAIMTEMPLATE
from podo.api.kinds.resource.resourceslice import RESOURCESLICE
from podo.api.kinds.scheduling.priorityclass import PRIORITYCLASS
from podo.api.kinds.storage.csidriver import CSIDRIVER
from podo.api.kinds.storage.csinode import CSINODE
from podo.api.kinds.storage.csistoragecapacity import CSISTORAGECAPACITY
from podo.api.kinds.storage.storageclass import STORAGECLASS
from podo.api.kinds.storage.volumeattachment import VOLUMEATTACHMENT
from podo.api.kinds.storage.volumeattributesclass import VOLUMEATTRIBUTESCLASS
from podo.api.kinds.storagemigration.storageversionmigration import STORAGEVERSIONMIGRATION

#: What the API server serves as resources. Where two groups have a kind of one name, the bare name means the first.
_SERVED: tuple[Kind, ...] = (
    CONFIGMAP,
    ENDPOINTS,
    EVENT,
    LIMITRANGE,
    NAMESPACE,
    NODE,
    PERSISTENTVOLUME,
    PERSISTENTVOLUMECLAIM,
    POD,
    PODTEMPLATE,
    REPLICATIONCONTROLLER,
    RESOURCEQUOTA,
    SECRET,
    SERVICE,
    SERVICEACCOUNT,
    CONTROLLERREVISION,
    DAEMONSET,
    DEPLOYMENT,
    REPLICASET,
    STATEFULSET,
    CRONJOB,
    JOB,
    LEASE,
    ENDPOINTSLICE,
    EVENTS_EVENT,
    HORIZONTALPODAUTOSCALER,
    HORIZONTALPODAUTOSCALER_V1,
    INGRESS,
    INGRESSCLASS,
    IPADDRESS,
    NETWORKPOLICY,
    SERVICECIDR,
    RUNTIMECLASS,
    PRIORITYCLASS,
    CSIDRIVER,
    CSINODE,
    CSISTORAGECAPACITY,
    PODDISRUPTIONBUDGET,
    STORAGECLASS,
    VOLUMEATTACHMENT,
    VOLUMEATTRIBUTESCLASS,
    STORAGEVERSIONMIGRATION,
    DEVICECLASS,
    DEVICETAINTRULE,
    RESOURCECLAIM,
    RESOURCECLAIMTEMPLATE,
    RESOURCESLICE,
    CERTIFICATESIGNINGREQUEST,
    CLUSTERTRUSTBUNDLE,
    PODCERTIFICATEREQUEST,
    CUSTOMRESOURCEDEFINITION,
    APISERVICE,
    MUTATINGADMISSIONPOLICY,
    MUTATINGADMISSIONPOLICYBINDING,
    MUTATINGWEBHOOKCONFIGURATION,
    VALIDATINGADMISSIONPOLICY,
    VALIDATINGADMISSIONPOLICYBINDING,
    VALIDATINGWEBHOOKCONFIGURATION,
    FLOWSCHEMA,
    PRIORITYLEVELCONFIGURATION,
    CLUSTERROLE,
    CLUSTERROLEBINDING,
    ROLE,
    ROLEBINDING,
)
#: Bodies of subresources: they have a kind and are never stored.
_BODIES: tuple[Kind, ...] = (BINDING, EVICTION, SCALE, TOKENREQUEST)

_BY_RESOURCE = {(kind.group, kind.version, kind.plural): kind for kind in _SERVED}
_BY_TYPE = {(kind.api_version, kind.kind): kind for kind in (*_SERVED, *_BODIES)}
_BY_NAME: dict[str, Kind] = {}
for _kind in (*_SERVED, *_BODIES):
    _BY_NAME.setdefault(_kind.kind, _kind)
    _BY_NAME.setdefault(f"{_kind.group}/{_kind.kind}", _kind)
    _BY_NAME[f"{_kind.api_version}/{_kind.kind}"] = _kind


class UnknownKind(LookupError):
    """No such kind is built in."""


def named(name: str) -> Kind:
    """The kind called ``Pod`` or, with its group, ``events.k8s.io/Event``; with its group and version,
    ``autoscaling/v1/HorizontalPodAutoscaler``. Raises UnknownKind."""
    try:
        return _BY_NAME[name]
    except KeyError:
        raise UnknownKind(f"no kind is named {name!r}") from None


def resource(group: str, version: str, plural: str) -> Kind | None:
    """The kind served at ``/apis/{group}/{version}/.../{plural}`` (group "" is ``/api``), or None."""
    return _BY_RESOURCE.get((group, version, plural))


def of(obj: Obj) -> Kind:
    """The kind of an object, by its apiVersion and kind. Raises UnknownKind."""
    try:
        return _BY_TYPE[obj["apiVersion"], obj["kind"]]
    except (KeyError, TypeError):
        raise UnknownKind(f"no kind is {obj.get('apiVersion')!r} {obj.get('kind')!r}") from None


def all_kinds() -> tuple[Kind, ...]:
    """All kinds served as resources, in a fixed order. Bodies of subresources (Binding, Scale) are not among them."""
    return _SERVED
