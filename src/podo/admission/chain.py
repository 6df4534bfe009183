"""The admission chain: the plug-ins in the order they run, and the walk through them."""

from __future__ import annotations

from functools import cache

from podo.admission import (
    certificates,
    defaulttolerationseconds,
    limitranger,
    namespacelifecycle,
    noderestriction,
    podpriority,
    runtimeclass,
    serviceaccount,
    taintnodesbycondition,
)
from podo.admission.request import AdmissionRequest, Plugin
from podo.api.kind import Kind

PLUGINS: tuple[Plugin, ...] = (
    namespacelifecycle.PLUGIN,
    noderestriction.PLUGIN,
    limitranger.DEFAULTS,
    serviceaccount.PLUGIN,
    *certificates.PLUGINS,
    taintnodesbycondition.PLUGIN,
    podpriority.PLUGIN,
    runtimeclass.PLUGIN,
    defaulttolerationseconds.PLUGIN,
    limitranger.LIMITS,
)


@cache
def chain_for(kind: Kind, operation: str, subresource: str) -> tuple[Plugin, ...]:
    """The plug-ins that look at such a write."""
    return tuple(plugin for plugin in PLUGINS if plugin.handles(kind, operation, subresource))


async def admit(request: AdmissionRequest) -> None:
    """Run the plug-ins that handle the request; the first refusal is raised."""
    for plugin in chain_for(request.kind, request.operation, request.subresource):
        await plugin.admit(request)
