"""CustomResourceDefinition, to be read only: there are none, and none can be made yet.

Clients list them before they say that a kind is unknown; without the list they report a failure instead.
"""

from __future__ import annotations

from podo.api.kind import Kind

CUSTOMRESOURCEDEFINITION = Kind(
    group="apiextensions.k8s.io",
    version="v1",
    kind="CustomResourceDefinition",
    plural="customresourcedefinitions",
    singular="customresourcedefinition",
    namespaced=False,
    short_names=("crd", "crds"),
    categories=("api-extensions",),
    verbs=("get", "list", "watch"),
)
