"""Requests put together by chance of parts that each mean something: any method on any path, with any parameters, in
any form, and bodies of which some are sound and some are not what they say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from podo.api.kind import Kind
from podo.api.registry import all_kinds
from podo.apiserver import protobuf_writing
from tests.fuzz.asking import Asking
from tests.unit.apiserver.examples import FIELDS, example
from tests.unit.apiserver.test_every_kind import collection

pytestmark = pytest.mark.fuzz
KINDS = [kind for kind in all_kinds() if f"{kind.api_version}/{kind.kind}" in FIELDS]
METHODS = ["GET", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
SUBRESOURCES = ["", "status", "scale", "eviction", "binding", "token", "ephemeralcontainers", "resize", "approval"]
SUBRESOURCES += ["finalize", "log", "exec", "proxy", "proxy/x", "none", "status/more"]
NUMBERS = ["", "0", "1", "-1", "2147483648", "9" * 40, "1e3", "0x1", " 1", "\u0661", "NaN"]
WORDS = ["", "true", "false", "1", "maybe", "All", "Exact", "NotOlderThan", "Strict", "Warn", "Foreground", "Orphan"]
SELECTORS = [
    "a=b",
    "a in (b,c)",
    "!a",
    "a!=b",
    "a in (",
    "a,,b",
    "metadata.name=one",
    "metadata.namespace!=x",
    "=",
    "a" * 400,
]
SELECTORS += ["spec.nodeName=", "status.phase!=Running,metadata.name=a", "metadata.uid=x", "\u00e4=1", "a\\,b=c"]
PARAMETERS = {
    "limit": NUMBERS, "continue": ["", "x", "e30", "eyJ2IjoibWV0YS5rOHMuaW8vdjEifQ", "%00", "=" * 50],
    "resourceVersion": NUMBERS, "resourceVersionMatch": WORDS, "timeoutSeconds": NUMBERS, "watch": WORDS,
    "allowWatchBookmarks": WORDS, "sendInitialEvents": WORDS, "labelSelector": SELECTORS, "fieldSelector": SELECTORS,
    "dryRun": WORDS, "fieldManager": ["", "me", "x" * 200, "a\nb", "\u00e4"], "force": WORDS, "fieldValidation": WORDS,
    "propagationPolicy": WORDS, "gracePeriodSeconds": NUMBERS, "orphanDependents": WORDS, "pretty": WORDS,
    "includeObject": ["None", "Metadata", "Object", "x"], "shardSelector": WORDS,
}  # fmt: skip
ACCEPTS = ["", "*/*", "application/json", "application/yaml", "text/plain", "application/vnd.kubernetes.protobuf"]
ACCEPTS += [f"application/json;as={form};v=v1;g=meta.k8s.io" for form in ("Table", "PartialObjectMetadata", "X")]
ACCEPTS += ["application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io", "application/cbor", ";;;", "a/b;q=x"]
TYPES = ["application/json", "application/yaml", "application/merge-patch+json", "application/json-patch+json", ""]
TYPES += ["application/strategic-merge-patch+json", "application/apply-patch+yaml", "text/plain", "application/cbor"]
TYPES += ["application/vnd.kubernetes.protobuf", "application/json; charset=utf-8"]
ODD = [
    b"",
    b"{}",
    b"null",
    b"[]",
    b"\xff",
    b"k8s\0",
    b"{",
    b'{"metadata":{"name":null}}',
    b"a: &a [*a]",
    b'[{"op":"add"}]',
]


@pytest.fixture(scope="module")
def server() -> Iterator[Asking]:
    with Asking() as made:
        yield made


def path_of(kind: Kind, name: str, subresource: str) -> str:
    found = collection(kind)
    if name:
        found += f"/{quote(name, safe='')}"
        if subresource:
            found += f"/{subresource}"
    return found


@st.composite
def bodies(draw: st.DrawFn, kind: Kind) -> bytes:
    """A sound object, something short, or either with bytes changed."""
    found = draw(st.sampled_from(["sound", "odd", "proto", "spoiled"]))
    if found == "odd":
        return draw(st.sampled_from(ODD))
    obj = example(kind) if "create" in kind.verbs else {"kind": kind.kind, "apiVersion": kind.api_version}
    raw = (protobuf_writing.encode(obj) or b"") if found == "proto" else orjson.dumps(obj)
    if found == "spoiled" and raw:
        at = draw(st.integers(0, len(raw) - 1))
        raw = raw[:at] + draw(st.binary(max_size=3)) + raw[at + draw(st.integers(0, 3)) :]
    return raw


@settings(max_examples=250, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_any_request_is_answered(server: Asking, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(KINDS))
    name = data.draw(st.sampled_from(["", "", "one", "x" * 300, "..", "%", "a/b", "\u00e4", "ok-name"]))
    target = path_of(kind, name, data.draw(st.sampled_from(SUBRESOURCES)))
    chosen = data.draw(st.lists(st.sampled_from(sorted(PARAMETERS)), max_size=4, unique=True))
    query = [(each, data.draw(st.sampled_from(PARAMETERS[each]))) for each in chosen]
    if query:
        target += f"?{urlencode(query)}"
    headers: dict[str, Any] = {"accept": data.draw(st.sampled_from(ACCEPTS))}
    method = data.draw(st.sampled_from(METHODS))
    body = b""
    if method in ("POST", "PUT", "PATCH", "DELETE"):
        headers["content_type"] = data.draw(st.sampled_from(TYPES))
        body = data.draw(bodies(kind))
    server.ask(method, target, body, **headers)
