"""Bodies in protobuf, as kubectl sends what it creates."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podo.api.errors import ApiError
from podo.apiserver import protobuf
from tests.unit.apiserver.world import World, in_world


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def field(number: int, value: Any) -> bytes:
    """One field of a message: int as varint, str and bytes with their length, float as fixed64."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 1) + struct.pack("<d", value)
    raw = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(raw)) + raw


def body(api_version: str, kind: str, *fields: bytes) -> bytes:
    return protobuf.MAGIC + field(1, field(1, api_version) + field(2, kind)) + field(2, b"".join(fields))


def test_maps_bytes_and_zero_values() -> None:
    metadata = (
        field(1, "s") + field(2, "") + field(3, "default") + field(8, b"") + field(11, field(1, "a") + field(2, ""))
    )
    secret = body(
        "v1", "Secret", field(1, metadata), field(2, field(1, "k") + field(2, b"\x00\xff")), field(3, "Opaque")
    )
    assert protobuf.decode(secret) == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "namespace": "default", "labels": {"a": ""}},
        "data": {"k": "AP8="},
        "type": "Opaque",
    }


def test_inlined_structs_quantities_and_int_or_string() -> None:
    probe = field(1, field(2, field(1, "/") + field(2, field(1, 1) + field(3, "http")))) + field(2, 5)
    request = field(1, "cpu") + field(2, field(1, "100m"))
    container = field(1, "c") + field(2, "nginx") + field(8, field(2, request)) + field(11, probe)
    volume = field(1, "v") + field(2, field(2, b""))
    found = protobuf.decode(body("v1", "Pod", field(2, field(1, volume) + field(2, container) + field(4, 0))))
    assert found["spec"] == {
        "volumes": [{"name": "v", "emptyDir": {}}],
        "containers": [
            {
                "name": "c",
                "image": "nginx",
                "resources": {"requests": {"cpu": "100m"}},
                "readinessProbe": {"httpGet": {"path": "/", "port": "http"}, "initialDelaySeconds": 5},
            }
        ],
        "terminationGracePeriodSeconds": 0,
    }


def test_times_and_negative_numbers() -> None:
    spec = field(1, "n1") + field(2, -3) + field(4, field(1, 1763724000) + field(2, 500_000_000))
    found = protobuf.decode(body("coordination.k8s.io/v1", "Lease", field(2, spec)))
    assert found["spec"] == {
        "holderIdentity": "n1",
        "leaseDurationSeconds": -3,
        "renewTime": "2025-11-21T11:20:00.500000Z",
    }


def test_an_object_is_created_from_protobuf() -> None:
    async def test(world: World) -> None:
        raw = body("v1", "ConfigMap", field(1, field(1, "one")), field(2, field(1, "a") + field(2, "1")))
        target = "/api/v1/namespaces/default/configmaps"
        status, made = await world.ask("POST", target, raw, content_type=protobuf.MEDIA_TYPE)
        assert (status, made["data"]) == (201, {"a": "1"})
        status, error = await world.ask("POST", target, b"{}", content_type=protobuf.MEDIA_TYPE)
        assert (status, error["reason"]) == (400, "BadRequest")
        options = body("v1", "DeleteOptions", field(1, 0))
        status, _ = await world.ask("DELETE", f"{target}/one", options, content_type=protobuf.MEDIA_TYPE)
        assert status == 200

    in_world(test)


@pytest.mark.parametrize("raw", [b"", b"k8s", body("v1", "Nothing"), protobuf.MAGIC + b"\xff" * 20])
def test_what_cannot_be_read_is_refused(raw: bytes) -> None:
    with pytest.raises(ApiError) as caught:
        protobuf.decode(raw)
    assert caught.value.code in (400, 415)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60), st.sampled_from(["Pod", "Service", "ConfigMap", "Event", "Node"]))
def test_no_bytes_break_the_decoder(raw: bytes, kind: str) -> None:
    try:
        found = protobuf.decode(body("v1", kind, raw))
    except ApiError as refusal:
        assert refusal.code == 400
    else:
        assert found["kind"] == kind
