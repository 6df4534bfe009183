"""Requests for another server's resources, read from method and path alone."""

from __future__ import annotations

import pytest

from podo.api.errors import ApiError
from podo.apiserver.extension.aggregation.requestinfo import call_of
from podo.authn.user import ANONYMOUS

ROOT = "/apis/g.example.com/v1"


@pytest.mark.parametrize(
    ("method", "path", "query", "expected"),
    [
        ("GET", "/things", {}, ("list", "things", "", "", "")),
        ("HEAD", "/things/a", {}, ("get", "things", "", "a", "")),
        ("GET", "/things", {"watch": "true"}, ("watch", "things", "", "", "")),
        ("GET", "/things/a", {"watch": "1"}, ("watch", "things", "", "a", "")),
        ("DELETE", "/things", {}, ("deletecollection", "things", "", "", "")),
        ("DELETE", "/things/a", {}, ("delete", "things", "", "a", "")),
        ("POST", "/namespaces/ns/things", {}, ("create", "things", "ns", "", "")),
        ("PUT", "/namespaces/ns/things/a/status", {}, ("update", "things", "ns", "a", "status")),
        ("PATCH", "/namespaces/ns/things/a/x/y/z", {}, ("patch", "things", "ns", "a", "x")),
        ("GET", "/namespaces/ns", {}, ("get", "namespaces", "ns", "ns", "")),
        ("GET", "/namespaces/ns/status", {}, ("get", "namespaces", "ns", "ns", "status")),
        ("GET", "/namespaces", {}, ("list", "namespaces", "", "", "")),
        ("GET", "/things/a%20b", {}, ("get", "things", "", "a b", "")),
        ("BREW", "/things/a", {}, ("", "things", "", "a", "")),
    ],
)
def test_what_is_asked_for(
    method: str, path: str, query: dict[str, str], expected: tuple[str, str, str, str, str]
) -> None:
    call = call_of(method, ROOT + path, query, ANONYMOUS)
    assert call is not None
    assert (call.verb, call.kind.plural, call.namespace, call.name, call.subresource) == expected
    assert (call.kind.group, call.kind.version) == ("g.example.com", "v1")


def test_the_root_of_a_version_is_no_resource() -> None:
    assert call_of("GET", ROOT, {}, ANONYMOUS) is None
    assert call_of("GET", f"{ROOT}/", {}, ANONYMOUS) is None


@pytest.mark.parametrize("path", ["/things/a%2Fb", "/things/..", "/things/a/%2e%2e/b", "/./things", "/things/a/b/c/.."])
def test_what_another_server_may_read_otherwise_is_refused(path: str) -> None:
    with pytest.raises(ApiError, match="neither dot segments nor encoded slashes"):
        call_of("GET", ROOT + path, {}, ANONYMOUS)
