"""Requests made by schemathesis from the served OpenAPI documents: any operation, any parameters, any body."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from podo.api.registry import all_kinds
from tests.fuzz.asking import Asking

schemathesis = pytest.importorskip("schemathesis", reason="not installed: pip install -e '.[clients]'")

pytestmark = pytest.mark.fuzz
GROUPS = sorted({f"apis/{kind.api_version}" if kind.group else f"api/{kind.api_version}" for kind in all_kinds()})
#: For each group: its operations are a few for each kind.
EXAMPLES = 12


@pytest.fixture(scope="module")
def server() -> Iterator[Asking]:
    with Asking() as made:
        yield made


@pytest.mark.parametrize("group", GROUPS)
def test_no_request_breaks_the_server(server: Asking, group: str) -> None:
    _, index = server.ask("GET", "/openapi/v3")
    if group not in index["paths"]:
        pytest.skip("no kind of the group is served by itself")
    _, document = server.ask("GET", index["paths"][group]["serverRelativeURL"])
    operations = [each.ok() for each in schemathesis.openapi.from_dict(document).get_all_operations()]

    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(operations).flatmap(lambda operation: operation.as_strategy()))
    def one(case: Any) -> None:
        carry_out(server, case)

    one()


def carry_out(server: Asking, case: Any) -> None:
    """The request of a case, as its HTTP client would send it."""
    target = quote(case.formatted_path, safe="/%")
    if case.query:
        target += "?" + urlencode(case.query, doseq=True, errors="replace")
    headers = {"content_type": case.media_type} if case.media_type else {}
    body = b"" if case.media_type is None else json.dumps(case.body, default=str).encode(errors="replace")
    server.ask(case.method, target, body, **headers)
