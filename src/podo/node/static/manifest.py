"""From a manifest on the node's disk to a static pod: named after the node, with a uid made from what the file says,
with the API's defaults, and judged by the API's rules for pods.

Source: "Create static Pods" in the Kubernetes documentation.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import orjson

from podo.api import encoding, schema
from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.api.kinds.core.pod import POD
from podo.api.meta import name_of, namespace_of
from podo.api.metadata_rules import problems_of
from podo.api.parts.api_references import named_by
from podo.node.podspec import CONFIG_HASH
from podo.node.static.directory import Files
from podo.runtime.log import Logger
from podo.values import timestamp

log = Logger("podo.node.static")

SEEN = "kubernetes.io/config.seen"
SOURCE, FILE = "kubernetes.io/config.source", "file"
#: The taints of a node in trouble end no static pod: nobody could make it again elsewhere.
TOLERATION = {"operator": "Exists", "effect": "NoExecute"}
#: What a manifest says of its pod beside the spec; the rest of metadata is the API server's to say.
_METADATA = ("name", "namespace", "labels", "annotations")


class ManifestProblem(Exception):
    """The file holds no pod that can be run; the message says why."""


def pods_of(files: Files, node: str, now: float) -> tuple[list[Obj], list[tuple[str, str]]]:
    """The pods, and of each file that has none the reason. Of two pods with one name the later file's counts."""
    found: dict[tuple[str, str], tuple[str, Obj]] = {}
    problems = []
    for path, data in sorted(files.items(), key=lambda file: file[0]):
        try:
            pod = static_pod(data, path, node, now)
        except ManifestProblem as problem:
            problems.append((path, str(problem)))
            continue
        place = (namespace_of(pod), name_of(pod))
        if place in found:
            problems.append((found[place][0], f"{path} has a pod of the same name"))
        found[place] = (path, pod)
    return [pod for _, pod in found.values()], problems


def static_pod(data: bytes | OSError, file: str, node: str, now: float) -> Obj:
    """The pod that ``file`` describes, as the node ``node`` runs it. ``now``: wall seconds at which it was read.
    Raises ManifestProblem."""
    if isinstance(data, OSError):
        raise ManifestProblem(data.strerror or str(data))
    pod = _decoded(data, file)
    digest = _digest(pod, file, node)
    metadata, spec = pod["metadata"], pod["spec"]
    metadata["name"] = f"{metadata['name']}-{node.lower()}"
    metadata["namespace"] = metadata.get("namespace") or "default"
    metadata["uid"] = digest
    marks = {CONFIG_HASH: digest, SEEN: timestamp.micro_time(now), SOURCE: FILE}
    metadata["annotations"] = {**(metadata.get("annotations") or {}), **marks}
    spec["nodeName"] = node
    tolerations = spec.get("tolerations") or []
    spec["tolerations"] = tolerations if TOLERATION in tolerations else [*tolerations, dict(TOLERATION)]
    POD.prepare(pod, None)
    _check(pod)
    return pod


def _decoded(data: bytes, file: str) -> Obj:
    """The pod as it stands in the file, with defaults."""
    try:
        pod = encoding.decode(data, encoding.YAML).obj  # JSON is YAML too
        if (pod.get("apiVersion"), pod.get("kind")) != (POD.api_version, POD.kind):
            what = f"{pod.get('apiVersion') or ''}, Kind={pod.get('kind') or ''}"
            raise ManifestProblem(f"couldn't parse as pod: it is {what}, not {POD.api_version}, Kind={POD.kind}")
        for warning in schema.accept(pod, POD, "Warn"):
            log.warning("not taken from a manifest", file=file, why=warning)
    except ApiError as problem:
        raise ManifestProblem(f"couldn't parse as pod: {problem.message}") from problem
    given: dict[str, Any] = pod.get("metadata") or {}
    if not given.get("name"):
        raise ManifestProblem("invalid pod: name is needed for the pod")
    pod["metadata"] = {name: given[name] for name in _METADATA if given.get(name)}
    pod.pop("status", None)
    POD.fill_in(pod)
    return pod


def _digest(pod: Obj, file: str, node: str) -> str:
    """The same for the same text in the same file of the same node; as long as upstream's."""
    known = blake2b(orjson.dumps(pod, option=orjson.OPT_SORT_KEYS), digest_size=16)
    known.update(f"host:{node}file:{file}".encode())
    return known.hexdigest()


def _check(pod: Obj) -> None:
    if problems := problems_of(POD, pod, None):
        raise ManifestProblem(f"invalid pod: [{', '.join(map(str, problems))}]")
    if named := next(named_by(pod["spec"]), ""):
        raise ManifestProblem(f"static pods may not reference {named}")
