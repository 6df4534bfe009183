"""gRPC probes: the gRPC health checking protocol (grpc.health.v1.Health/Check); SERVING is well."""

from __future__ import annotations

from podo.node.machine import ProbeResult
from podo.node.probes.ports import joined

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
    async with grpc.aio.insecure_channel(address) as channel:
        try:
            answer = await channel.unary_unary(METHOD)(_request(service), timeout=timeout_seconds)
        except grpc.aio.AioRpcError as failure:
            if failure.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                return ProbeResult(False, f'timeout: failed to connect service "{address}" within {timeout_seconds:g}s')
            return ProbeResult(False, f'error: health rpc failed: "{address}": {failure.details()}')
    state = _state(bytes(answer))
    if state == SERVING:
        return ProbeResult(True, "service healthy")
    return ProbeResult(False, f"service unhealthy (responded with {STATES.get(state, str(state))!r})")
