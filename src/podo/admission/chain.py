"""The admission chain: the plug-ins in the order they run.

``PLUGINS`` may change the write and run before the rules of the kind, and again if a mutating webhook has changed it:
what they have done once they leave as it is. ``VALIDATING`` and, after policies and webhooks, ``LAST`` see it as it
will be stored.
"""

from __future__ import annotations

from functools import lru_cache

from podo.admission import (
    certificates,
    defaultclass,
    defaulttolerationseconds,
    deviceadminaccess,
    deviceclaimstatus,
    imagepolicy,
    limitranger,
    namespacelifecycle,
    noderestriction,
    persistentvolumeclaimresize,
    podcertificates,
    podpriority,
    podtopologylabels,
    runtimeclass,
    serviceaccount,
    serviceexternalips,
    storageobjectinuse,
    taintnodesbycondition,
)
from podo.admission.podsecurity import plugin as podsecurity
from podo.admission.policy import access as policyaccess
from podo.admission.request import Plugin
from podo.admission.resourcequota import plugin as resourcequota
from podo.api.kind import Kind

PLUGINS: tuple[Plugin, ...] = (
    namespacelifecycle.PLUGIN,
    noderestriction.PLUGIN,
    limitranger.DEFAULTS,
    serviceaccount.PLUGIN,
    *certificates.PLUGINS,
    podcertificates.ATTEST,
    taintnodesbycondition.PLUGIN,
    podpriority.PLUGIN,
    runtimeclass.PLUGIN,
    defaulttolerationseconds.PLUGIN,
    defaultclass.STORAGE,
    defaultclass.INGRESS,
    storageobjectinuse.PLUGIN,
    podtopologylabels.PLUGIN,
)
VALIDATING: tuple[Plugin, ...] = (
    policyaccess.PLUGIN,
    podcertificates.SIGNING,
    deviceadminaccess.PLUGIN,
    deviceclaimstatus.PLUGIN,
    serviceaccount.DEBUGGING,
    podsecurity.PLUGIN,
    imagepolicy.PLUGIN,
    limitranger.LIMITS,
    persistentvolumeclaimresize.PLUGIN,
    serviceexternalips.PLUGIN,
)
LAST: tuple[Plugin, ...] = (resourcequota.PLUGIN,)


@lru_cache(maxsize=4096)  # custom kinds come and go
def chain_for(kind: Kind, operation: str, subresource: str) -> tuple[Plugin, ...]:
    """The plug-ins that look at such a write."""
    return tuple(plugin for plugin in PLUGINS if plugin.handles(kind, operation, subresource))


@lru_cache(maxsize=4096)
def validators_for(kind: Kind, operation: str, subresource: str) -> tuple[tuple[Plugin, ...], tuple[Plugin, ...]]:
    """Those of ``VALIDATING`` and of ``LAST`` that look at such a write."""
    first = tuple(plugin for plugin in VALIDATING if plugin.handles(kind, operation, subresource))
    return first, tuple(plugin for plugin in LAST if plugin.handles(kind, operation, subresource))
