"""Volumes of a pod: defaults and rules of each source (API reference: Volume)."""

from __future__ import annotations

from typing import Any

from podo.api.parts.container import pull_policy

#: File mode 0644, the default of all volumes made of files from the API.
_FILE_MODE = 0o644
_TOKEN_SECONDS = 3600
_CERTIFICATE_SECONDS = 86400


def fill_in(volume: dict[str, Any]) -> None:
    """Defaults of one volume, in place. A volume without a source is an emptyDir."""
    if len(volume) <= 1 and "name" in volume:
        volume["emptyDir"] = {}
        return
    for source in ("secret", "configMap", "downwardAPI", "projected"):
        if (found := volume.get(source)) is not None:
            found.setdefault("defaultMode", _FILE_MODE)
            _fill_in_files(source, found)
    if (path := volume.get("hostPath")) is not None:
        path.setdefault("type", "")
    if (image := volume.get("image")) is not None and not image.get("pullPolicy"):
        image["pullPolicy"] = pull_policy(image.get("reference") or "")
    if claim := (volume.get("ephemeral") or {}).get("volumeClaimTemplate"):
        claim.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")


def _fill_in_files(source: str, found: dict[str, Any]) -> None:
    if source == "downwardAPI":
        _fill_in_items(found)
    elif source == "projected":
        for part in found.get("sources") or ():
            if (token := part.get("serviceAccountToken")) is not None:
                token.setdefault("expirationSeconds", _TOKEN_SECONDS)
            if (certificate := part.get("podCertificate")) is not None:
                certificate.setdefault("maxExpirationSeconds", _CERTIFICATE_SECONDS)
            if (downward := part.get("downwardAPI")) is not None:
                _fill_in_items(downward)


def _fill_in_items(downward: dict[str, Any]) -> None:
    for item in downward.get("items") or ():
        if (reference := item.get("fieldRef")) is not None:
            reference["apiVersion"] = reference.get("apiVersion") or "v1"
