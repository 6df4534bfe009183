"""gRPC probes against a gRPC server that has the health service, its messages made by protobuf itself."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from podo.node.machine import ProbeResult
from podo.node.probes.grpc import probe

KINDS = descriptor_pb2.FieldDescriptorProto
STATUSES = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")


def messages() -> tuple[Any, Any]:
    """HealthCheckRequest and HealthCheckResponse, as grpc.health.v1 has them."""
    file = descriptor_pb2.FileDescriptorProto(name="health.proto", package="grpc.health.v1", syntax="proto3")
    asked = file.message_type.add(name="HealthCheckRequest")
    asked.field.add(name="service", number=1, type=KINDS.TYPE_STRING, label=KINDS.LABEL_OPTIONAL)
    answered = file.message_type.add(name="HealthCheckResponse")
    states = answered.enum_type.add(name="ServingStatus")
    for number, name in enumerate(STATUSES):
        states.value.add(name=name, number=number)
    kind = ".grpc.health.v1.HealthCheckResponse.ServingStatus"
    answered.field.add(name="status", number=1, type=KINDS.TYPE_ENUM, type_name=kind, label=KINDS.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    names = ("HealthCheckRequest", "HealthCheckResponse")
    one, two = (message_factory.GetMessageClass(pool.FindMessageTypeByName(f"grpc.health.v1.{name}")) for name in names)
    return one, two


def probed(services: dict[str, str], service: str, *, slow: bool = False, health: bool = True) -> ProbeResult:
    """The result of a probe of a server that knows ``services`` and their states."""
    asked, answered = messages()

    async def check(request: Any, context: Any) -> Any:
        if slow:
            await asyncio.Event().wait()
        if request.service not in services:
            await context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return answered(status=STATUSES.index(services[request.service]))

    async def whole() -> ProbeResult:
        server = grpc.aio.server()
        if health:
            method = grpc.unary_unary_rpc_method_handler(check, asked.FromString, answered.SerializeToString)
            handler = grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": method})
            server.add_generic_rpc_handlers((handler,))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            return await probe("127.0.0.1", port, service, 0.3 if slow else 5)
        finally:
            await server.stop(None)

    return asyncio.run(whole())


LONG = "a.service.with.a.long.name." * 8


@pytest.mark.parametrize("service", ["", "web", LONG])
def test_a_service_that_serves_is_well(service: str) -> None:
    assert probed({service: "SERVING"}, service) == ProbeResult(True, "service healthy")


@pytest.mark.parametrize("state", ["UNKNOWN", "NOT_SERVING", "SERVICE_UNKNOWN"])
def test_any_other_state_is_not(state: str) -> None:
    assert probed({"": state}, "") == ProbeResult(False, f'service unhealthy (responded with "{state}")')


def test_a_service_that_is_not_known_or_a_server_without_health() -> None:
    unknown, without = probed({}, "web"), probed({}, "", health=False)
    why = "error: health rpc probe failed: rpc error: code = NotFound desc = unknown service"
    assert unknown == ProbeResult(False, why)
    assert not without.passed and without.output.startswith("error: this server does not implement the grpc health")


def test_an_answer_that_is_late() -> None:
    result = probed({"": "SERVING"}, "", slow=True)
    assert result == ProbeResult(False, "timeout: health rpc did not complete within 0.3s")


def test_nobody_there_is_waited_for_until_the_time_is_over() -> None:
    result = asyncio.run(probe("127.0.0.1", 1, "", 0.2))
    why = 'failed to connect service "127.0.0.1:1" within 0.2s: context deadline exceeded'
    assert result == ProbeResult(False, f"timeout: {why}")
