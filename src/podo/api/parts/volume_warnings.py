"""What a client is told of a pod's volumes: of types that nobody serves any more, and of files that hide each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from podo.api.parts import fractions

Spec = dict[str, Any]
#: A path in a volume and what puts a file there (nothing where the whole volume is made from one thing).
_Placed = tuple[str, str]

_DEPRECATED = {
    "photonPersistentDisk": "deprecated in v1.11, non-functional in v1.16+",
    "gitRepo": "deprecated in v1.11, and disabled by default in v1.33+",
    "scaleIO": "deprecated in v1.16, non-functional in v1.22+",
    "flocker": "deprecated in v1.22, non-functional in v1.25+",
    "storageos": "deprecated in v1.22, non-functional in v1.25+",
    "quobyte": "deprecated in v1.22, non-functional in v1.25+",
    "glusterfs": "deprecated in v1.25, non-functional in v1.26+",
    "cephfs": "deprecated in v1.28, non-functional in v1.31+",
    "rbd": "deprecated in v1.28, non-functional in v1.31+",
}
#: As upstream's messages spell it, unlike the field.
_SPELT = {"storageos": "storageOS"}
_FILES = ("configMap", "secret", "downwardAPI")
_CERTIFICATE = (
    ("certificateChainPath", "PodCertificate chain"),
    ("keyPath", "PodCertificate key"),
    ("credentialBundlePath", "PodCertificate credential bundle"),
)


def deprecated_types(source: Spec, path: str) -> list[str]:
    """Of a volume of a pod, or a PersistentVolume's spec."""
    if _DEPRECATED.keys().isdisjoint(source):
        return []
    return [f"{path}.{_SPELT.get(name, name)}: {_DEPRECATED[name]}" for name in source if name in _DEPRECATED]


def warnings(volumes: list[Spec], path: str) -> list[str]:
    found: list[str] = []
    for index, each in enumerate(volumes):
        found += deprecated_types(each, f"{path}[{index}]")
        if template := (each.get("ephemeral") or {}).get("volumeClaimTemplate"):
            where = f"{path}[{index}].ephemeral.volumeClaimTemplate.spec"
            found += claim_warnings(template.get("spec") or {}, where)
    for each in volumes:
        for field in _FILES:
            if (source := each.get(field)) and source.get("items"):
                shown = _shown(field, source, "secretName")
                found += _overlaps(each["name"], shown, [(path, "") for path, _ in _placed(field, source)])
        if projected := each.get("projected"):
            found += _projected(each["name"], projected.get("sources") or ())
    return found


def claim_warnings(spec: Spec, path: str) -> list[str]:
    """Of a PersistentVolumeClaimSpec."""
    return fractions.warnings(spec.get("resources") or {}, ("storage",), f"{path}.resources")


def _projected(name: str, sources: Iterable[Spec]) -> list[str]:
    if _are_apart(sources):
        return []
    found: list[str] = []
    placed: list[_Placed] = []
    for source in sources:
        if not source:
            found.append(f'volume "{name}" (Projected) has no sources provided')
        for field, made_of in source.items():
            placed += _placed(field, made_of)
    return found + _overlaps(name, "Projected", placed)


def _are_apart(sources: Iterable[Spec]) -> bool:
    """As nearly always: all files have names of their own and lie in no directory."""
    paths: list[str] = []
    for source in sources:
        if not source or "podCertificate" in source:
            return False
        for made_of in source.values():
            if items := made_of.get("items"):
                paths += [item.get("path") or "" for item in items]
            elif path := made_of.get("path"):
                paths.append(path)
    return len(set(paths)) == len(paths) and "/" not in "".join(paths)


def _placed(field: str, source: Spec) -> Iterator[_Placed]:
    """The files of one source of a projected volume, or of a volume made from one."""
    if field in _FILES:
        shown = _shown(field, source, "name")
        yield from ((item.get("path") or "", shown) for item in source.get("items") or ())
    elif field == "serviceAccountToken":
        yield source.get("path") or "", "ServiceAccountToken"
    elif field == "clusterTrustBundle":
        yield source.get("path") or "", f'ClusterTrustBundle "{source.get("name") or source.get("signerName") or ""}"'
    elif field == "podCertificate":
        yield from ((source[one], shown) for one, shown in _CERTIFICATE if source.get(one))


def _shown(field: str, source: Spec, secret: str) -> str:
    if field == "downwardAPI":
        return "DownwardAPI"
    kind, name = ("ConfigMap", "name") if field == "configMap" else ("Secret", secret)
    return f'{kind} "{source.get(name) or ""}"'


def _overlaps(name: str, made_of: str, placed: list[_Placed]) -> list[str]:
    paths = {path for path, _ in placed}
    if len(paths) == len(placed) and not any("/" in path for path in paths):
        return []
    found: list[str] = []
    before: list[_Placed] = []
    for path, source in placed:
        one = (path.rstrip("/"), source)
        told = [f"{_told(one)} with {_told(other)}" for other in before if _overlap(one[0], other[0])]
        found += [f'volume "{name}" ({made_of}): overlapping paths: {pair}' for pair in told]
        before.append(one)
    return found


def _overlap(one: str, other: str) -> bool:
    return bool(one and other) and (f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/"))


def _told(one: _Placed) -> str:
    path, source = one
    return f'"{path}" ({source})' if source else f'"{path}"'
