"""Large answers in gzip: who gets them, and that nothing is lost."""

from __future__ import annotations

import asyncio
import gzip

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podo.apiserver.compression import LEAST, accepts_gzip, compressed
from podo.http.message import Response, Streaming
from tests.unit.apiserver.world import World, Written, in_world


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("gzip", True),
        ("deflate, GZIP;q=0.5", True),
        ("gzip;q=0.01", True),
        ("", False),
        ("*", False),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("xgzip", False),
    ],
)
def test_only_those_who_name_gzip_get_it(accept: str, wanted: bool) -> None:
    assert accepts_gzip({"accept-encoding": accept}) is wanted


@settings(max_examples=25, deadline=None)
@given(st.lists(st.binary(max_size=200).map(lambda part: part * 4000), min_size=1, max_size=6))
def test_what_is_unpacked_is_what_was_packed(parts: list[bytes]) -> None:
    async def main() -> None:
        answer = compressed(Response(200, parts), {"accept-encoding": "gzip"})
        if sum(map(len, parts)) <= LEAST:
            assert isinstance(answer, Response) and answer.body is parts
            return
        assert isinstance(answer, Streaming)
        written = Written()
        await answer.produce(written)
        assert gzip.decompress(written.data) == b"".join(parts)

    asyncio.run(main())


def test_a_large_list_is_compressed_and_a_small_one_is_not() -> None:
    async def test(world: World) -> None:
        path = "/api/v1/namespaces/default/configmaps"
        head = {"apiVersion": "v1", "kind": "ConfigMap"}
        for number in range(3):
            metadata = {"name": f"c{number}", "namespace": "default"}
            await world.client.create({**head, "metadata": metadata, "data": {"x": "y" * 60_000}})
        plain = await world.answer("GET", path)
        assert isinstance(plain, Response) and not isinstance(plain.body, bytes)
        packed = await world.answer("GET", path, accept_encoding="gzip")
        assert isinstance(packed, Streaming) and ("Content-Encoding", "gzip") in packed.headers
        written = Written()
        await packed.produce(written)
        assert gzip.decompress(written.data) == b"".join(plain.body)
        assert isinstance(await world.answer("GET", f"{path}/c0", accept_encoding="gzip"), Response)

    in_world(test)
