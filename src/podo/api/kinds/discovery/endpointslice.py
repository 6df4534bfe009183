"""EndpointSlice (discovery.k8s.io/v1): a part of the addresses behind a Service."""

from __future__ import annotations

from podo.api.kind import Kind

ENDPOINTSLICE = Kind(
    group="discovery.k8s.io",
    version="v1",
    kind="EndpointSlice",
    plural="endpointslices",
    singular="endpointslice",
)
