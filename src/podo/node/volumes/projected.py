"""What is in configMap, secret, downwardAPI and projected volumes: path -> file. Nothing is written here.

Of projected volumes also tokens, trust bundles and pod certificates.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Protocol

from podo.api.kind import Obj
from podo.api.meta import namespace_of
from podo.node.certificates import trustanchors
from podo.node.environment import ConfigProblem, Lookup, field_value, resource_value
from podo.node.volumes.atomicwriter import File

DEFAULT_MODE = 0o644
TOKEN_SECONDS = 3600
Files = dict[str, File]


class VolumeLookup(Lookup, Protocol):
    """What volumes are made from, besides what environment variables are. None: there is none."""

    async def cluster_trust_bundle(self, name: str) -> Obj | None: ...
    async def cluster_trust_bundles(self, signer: str) -> list[Obj]: ...
    async def pod_certificate(self, pod: Obj, volume: str, index: int, source: Obj) -> tuple[bytes, bytes]:
        """The key and the chain for one source of a projected volume. Raises ConfigProblem while there is none."""


async def files_of(volume: Obj, pod: Obj, lookup: VolumeLookup, capacity: Mapping[str, int]) -> Files:
    """The files of one volume. Raises ConfigProblem where something it is made from is missing."""
    if "projected" in volume:
        source = volume["projected"]
        default = _mode(source, DEFAULT_MODE)
        files: Files = {}
        for index, part in enumerate(source.get("sources") or ()):
            if certificate := part.get("podCertificate"):
                key, chain = await lookup.pod_certificate(pod, volume["name"], index, certificate)
                files |= _certificate_files(certificate, key, chain, default)
            else:
                files |= await _part(part, default, pod, lookup, capacity)
        return files
    return await _part(volume, DEFAULT_MODE, pod, lookup, capacity)


async def _part(part: Obj, default: int, pod: Obj, lookup: VolumeLookup, capacity: Mapping[str, int]) -> Files:
    """One source. A volume and a projection differ in how they name a Secret."""
    if source := part.get("configMap"):
        found = await lookup.config_map(namespace_of(pod), source.get("name", ""))
        return keys_of(found, source, "configmap", source.get("name", ""), default)
    if source := part.get("secret"):
        name = source.get("secretName") or source.get("name", "")
        found = await lookup.secret(namespace_of(pod), name)
        return keys_of(found, source, "secret", name, default)
    if source := part.get("downwardAPI"):
        return downward(source, pod, default, capacity)
    if source := part.get("serviceAccountToken"):
        wanted = int(source.get("expirationSeconds") or TOKEN_SECONDS)
        token = await lookup.token(pod, source.get("audience") or "", wanted)
        return {source["path"]: File(token.encode(), default)}
    if source := part.get("clusterTrustBundle"):
        return {source["path"]: File(await _trust_anchors(source, lookup), default)}
    kind = next((key for key in part if key != "name"), "nothing")
    raise ConfigProblem(f"volumes from {kind} are not supported by this node yet")


async def _trust_anchors(source: Obj, lookup: VolumeLookup) -> bytes:
    if name := source.get("name"):
        bundle = await lookup.cluster_trust_bundle(name)
        found, why = [bundle] if bundle else [], f'clustertrustbundle.certificates.k8s.io "{name}" not found'
    else:
        bundles = await lookup.cluster_trust_bundles(source.get("signerName") or "")
        found = trustanchors.chosen(bundles, source.get("labelSelector"))
        why = "combination of signerName and labelSelector matched zero ClusterTrustBundles"
    if not found and not source.get("optional"):
        raise ConfigProblem(why)
    return trustanchors.merged(found)


def _certificate_files(source: Obj, key: bytes, chain: bytes, default: int) -> Files:
    contents = {"credentialBundlePath": key + chain, "keyPath": key, "certificateChainPath": chain}
    return {source[field]: File(content, default) for field, content in contents.items() if source.get(field)}


def keys_of(found: Obj | None, source: Obj, kind: str, name: str, default: int) -> Files:
    """All keys of a ConfigMap or Secret, or those that ``items`` names."""
    optional = bool(source.get("optional"))
    if found is None:
        if optional:
            return {}
        raise ConfigProblem(f'{kind} "{name}" not found')
    content = _content(found, kind)
    default = _mode(source, default)
    items: Sequence[Obj] = source.get("items") or ()
    if not items:
        return {key: File(value, default) for key, value in content.items()}
    files: Files = {}
    for item in items:
        if item["key"] in content:
            files[item["path"]] = File(content[item["key"]], int(item.get("mode") or default))
        elif not optional:
            raise ConfigProblem(
                f"references non-existent {'config' if kind == 'configmap' else kind} key: {item['key']}"
            )
    return files


def _content(found: Obj, kind: str) -> dict[str, bytes]:
    data = found.get("data") or {}
    if kind == "secret":
        return {key: base64.b64decode(value or "") for key, value in data.items()}
    content = {key: str(value).encode() for key, value in data.items()}
    return content | {key: base64.b64decode(value) for key, value in (found.get("binaryData") or {}).items()}


def downward(source: Obj, pod: Obj, default: int, capacity: Mapping[str, int]) -> Files:
    default = _mode(source, default)
    files: Files = {}
    for item in source.get("items") or ():
        if reference := item.get("fieldRef"):
            value = field_value(reference.get("fieldPath", ""), pod)
        else:
            value = resource_value(item.get("resourceFieldRef") or {}, pod, {}, capacity)
        files[item["path"]] = File(value.encode(), int(item.get("mode") or default))
    return files


def _mode(source: Obj, default: int) -> int:
    mode = source.get("defaultMode")
    return default if mode is None else int(mode)
