"""ConfigMap (v1): plain configuration as keys and values."""

from __future__ import annotations

from podo.api.kind import Kind

CONFIGMAP = Kind(
    group="",
    version="v1",
    kind="ConfigMap",
    plural="configmaps",
    singular="configmap",
    short_names=("cm",),
)
