"""containerd's own event service: the messages of it that podo reads, built here because CRI of containerd 1.x has
no events.

Field numbers as in containerd's API (services/events/v1, events/task.proto).
"""

from __future__ import annotations

from functools import cache
from typing import Any

from podo.node.runtimes.contract import Happened

SUBSCRIBE = "/containerd.services.events.v1.Events/Subscribe"
FILTER = 'namespace=="k8s.io",topic~="/tasks/(exit|oom|start)"'

_MESSAGES = {
    "SubscribeRequest": [("filters", 1, "strings")],
    "Envelope": [("namespace", 2, "string"), ("topic", 3, "string"), ("event", 4, "any")],
    "TaskExit": [("container_id", 1, "string"), ("id", 2, "string")],
    "TaskOOM": [("container_id", 1, "string")],
    "TaskStart": [("container_id", 1, "string")],
}


@cache
def message(name: str) -> Any:
    """The class of one of the messages."""
    from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory

    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(any_pb2.DESCRIPTOR.serialized_pb)
    file = descriptor_pb2.FileDescriptorProto(
        name="podo/containerd_events.proto", package="podo", syntax="proto3", dependency=["google/protobuf/any.proto"]
    )
    kinds = descriptor_pb2.FieldDescriptorProto
    for title, fields in _MESSAGES.items():
        described = file.message_type.add(name=title)
        for field, number, kind in fields:
            added = described.field.add(name=field, number=number, type=kinds.TYPE_STRING, label=kinds.LABEL_OPTIONAL)
            if kind == "strings":
                added.label = kinds.LABEL_REPEATED
            elif kind == "any":
                added.type, added.type_name = kinds.TYPE_MESSAGE, ".google.protobuf.Any"
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"podo.{name}"))


def happened(envelope: Any) -> Happened | None:
    """What the envelope tells; None for what is not about a whole container."""
    body = envelope.event.value
    match envelope.topic:
        case "/tasks/exit":
            event = message("TaskExit").FromString(body)
            if event.id != event.container_id:  # the end of an exec
                return None
            return Happened("exited", event.container_id)
        case "/tasks/oom":
            return Happened("oom", message("TaskOOM").FromString(body).container_id)
        case "/tasks/start":
            return Happened("started", message("TaskStart").FromString(body).container_id)
    return None
