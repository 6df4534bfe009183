"""What a projected volume must be like: files of several sources in one place (API reference: VolumeProjection)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from podo.api.parts.labelselector import check_label_selector
from podo.api.parts.paths import check_local
from podo.api.parts.signername import (
    bundle_name_problems,
    check_certificate_seconds,
    check_signer_name,
    check_user_annotations,
    signer_in,
)
from podo.api.parts.volumefile_rules import check_downward, check_file_path, check_files, check_mode
from podo.api.rules import Found, forbidden, invalid, not_supported, required

#: What a pod's key may be (PodCertificateProjection), and where its files may be asked for.
KEY_TYPES = ("RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519")
CERTIFICATE_PATHS = ("credentialBundlePath", "keyPath", "certificateChainPath")
_TOKEN_SECONDS_MIN = 600
_TOKEN_SECONDS_MAX = 2**32


def check_projected(source: dict[str, Any], path: str, found: Found) -> None:
    check_mode(source, "defaultMode", path, found)
    for index, part in enumerate(source.get("sources") or ()):
        where = f"{path}.sources[{index}]"
        given = [field for field, value in part.items() if value is not None and field in _CHECKS]
        for field in given:
            _CHECKS[field](part[field], f"{where}.{field}", found)
        if len(given) > 1:
            found.append(forbidden(where, "may not specify more than 1 volume type per source"))
    _check_distinct(source.get("sources") or (), path, found)


def _check_distinct(parts: Sequence[dict[str, Any]], path: str, found: Found) -> None:
    """No two files of a projected volume may have one path."""
    taken: set[str] = set()
    for part in parts:
        for target in _targets(part):
            if target in taken:
                found.append(invalid(path, target, "conflicting duplicate paths"))
            taken.add(target)


def _targets(part: dict[str, Any]) -> Iterator[str]:
    for source, value in part.items():
        if source in ("secret", "configMap", "downwardAPI") and value:
            yield from (item["path"] for item in value.get("items") or () if item.get("path"))
        elif source == "clusterTrustBundle" and value and value.get("path"):
            yield value["path"]
        elif source == "podCertificate" and value:
            yield from (value[field] for field in CERTIFICATE_PATHS if value.get(field))


def _check_projected_files(part: dict[str, Any], path: str, found: Found) -> None:
    if not part.get("name"):
        found.append(required(f"{path}.name"))
    check_files(part, path, found)


def _check_token(token: dict[str, Any], path: str, found: Found) -> None:
    seconds = token.get("expirationSeconds") or 0
    if seconds < _TOKEN_SECONDS_MIN:
        found.append(invalid(f"{path}.expirationSeconds", seconds, "may not specify a duration less than 10 minutes"))
    elif seconds > _TOKEN_SECONDS_MAX:
        why = "may not specify a duration larger than 2^32 seconds"
        found.append(invalid(f"{path}.expirationSeconds", seconds, why))
    check_file_path(token, path.partition(".sources[")[0], found)  # as upstream, which names the volume


def _check_trust_bundle(source: dict[str, Any], path: str, found: Found) -> None:
    """One bundle by its name, or those of a signer."""
    name, signer = source.get("name"), source.get("signerName")
    if name is not None and signer is not None:
        found.append(invalid(path, source, "only one of name and signerName may be used"))
    elif name is not None:
        if not name:
            found.append(required(f"{path}.name", "must be a valid object name"))
        for message in bundle_name_problems(signer_in(name), name):
            found.append(invalid(f"{path}.name", name, f"not a valid clustertrustbundlename: {message}"))
        if (selector := source.get("labelSelector")) is not None:
            found.append(invalid(f"{path}.labelSelector", selector, "labelSelector must be unset if name is specified"))
    elif signer is not None:
        check_signer_name(f"{path}.signerName", signer, found)
        check_label_selector(source.get("labelSelector") or {}, f"{path}.labelSelector", found)
    else:
        found.append(required(path, "either name or signerName must be specified"))
    check_file_path(source, path, found)


def _check_pod_certificate(source: dict[str, Any], path: str, found: Found) -> None:
    signer = source.get("signerName") or ""
    check_signer_name(f"{path}.signerName", signer, found)
    if source.get("keyType") not in KEY_TYPES:
        found.append(not_supported(f"{path}.keyType", source.get("keyType") or "", KEY_TYPES))
    check_certificate_seconds(f"{path}.maxExpirationSeconds", signer, source.get("maxExpirationSeconds"), found)
    paths = [field for field in CERTIFICATE_PATHS if source.get(field)]
    if not paths:
        why = "specify at least one of credentialBundlePath, keyPath, and certificateChainPath"
        found.append(required(path, why))
    for field in paths:
        check_local(f"{path}.{field}", source[field], found)
    check_user_annotations(f"{path}.userAnnotations", source.get("userAnnotations") or {}, found)


_Check = Callable[[dict[str, Any], str, Found], None]
_CHECKS: dict[str, _Check] = {
    "secret": _check_projected_files,
    "configMap": _check_projected_files,
    "downwardAPI": check_downward,
    "serviceAccountToken": _check_token,
    "clusterTrustBundle": _check_trust_bundle,
    "podCertificate": _check_pod_certificate,
}
