"""gRPC probes: the gRPC health checking protocol (grpc.health.v1.Health/Check); SERVING is well."""

from __future__ import annotations

import asyncio
from typing import Any

from podo.node.machine import ProbeResult
from podo.node.probes.http import AGENT
from podo.node.probes.ports import joined
from podo.node.runtimes.contract import go_code

METHOD = "/grpc.health.v1.Health/Check"
SERVING = 1
STATES = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}


def _request(service: str) -> bytes:
    """HealthCheckRequest{string service = 1}."""
    name = service.encode()
    return b"\x0a" + _varint(len(name)) + name if name else b""


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])


def _state(answer: bytes) -> int:
    """HealthCheckResponse{ServingStatus status = 1}; 0 is not sent."""
    return answer[1] if len(answer) >= 2 and answer[0] == 0x08 else 0


async def probe(host: str, port: int, service: str, timeout_seconds: float) -> ProbeResult:
    import grpc  # slow to import, and rarely wanted

    address = joined(host, port)
    ready = False
    async with grpc.aio.insecure_channel(address, options=[("grpc.primary_user_agent", AGENT)]) as channel:
        try:
            async with asyncio.timeout(timeout_seconds):
                await channel.channel_ready()
                ready = True
                state = _state(bytes(await channel.unary_unary(METHOD)(_request(service))))
        except TimeoutError:
            late = f"timeout: health rpc did not complete within {timeout_seconds:g}s"
            never = (
                f'timeout: failed to connect service "{address}" within {timeout_seconds:g}s: context deadline exceeded'
            )
            return ProbeResult(False, late if ready else never)
        except grpc.aio.AioRpcError as failure:
            return ProbeResult(False, _why(failure))
    if state == SERVING:
        return ProbeResult(True, "service healthy")
    return ProbeResult(False, f'service unhealthy (responded with "{STATES.get(state, str(state))}")')


def _why(failure: Any) -> str:
    code, said = go_code(failure), failure.details()
    if code == "Unimplemented":
        return f"error: this server does not implement the grpc health protocol (grpc.health.v1.Health): {said}"
    return f"error: health rpc probe failed: rpc error: code = {code} desc = {said}"
