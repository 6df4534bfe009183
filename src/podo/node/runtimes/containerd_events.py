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
    "TaskExit": [
        ("container_id", 1, "string"),
        ("id", 2, "string"),
        ("exit_status", 4, "uint32"),
        ("exited_at", 5, "time"),
    ],
    "TaskOOM": [("container_id", 1, "string")],
    "TaskStart": [("container_id", 1, "string")],
}
_KNOWN_TYPES = {"any": ".google.protobuf.Any", "time": ".google.protobuf.Timestamp"}


@cache
def message(name: str) -> Any:
    """The class of one of the messages."""
    from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2

    pool = descriptor_pool.DescriptorPool()
    known = (any_pb2, timestamp_pb2)
    for each in known:
        pool.AddSerializedFile(each.DESCRIPTOR.serialized_pb)
    file = descriptor_pb2.FileDescriptorProto(
        name="podo/containerd_events.proto",
        package="podo",
        syntax="proto3",
        dependency=[each.DESCRIPTOR.name for each in known],
    )
    kinds = descriptor_pb2.FieldDescriptorProto
    for title, fields in _MESSAGES.items():
        described = file.message_type.add(name=title)
        for field, number, kind in fields:
            added = described.field.add(name=field, number=number, type=kinds.TYPE_STRING, label=kinds.LABEL_OPTIONAL)
            if kind == "strings":
                added.label = kinds.LABEL_REPEATED
            elif kind == "uint32":
                added.type = kinds.TYPE_UINT32
            elif kind in _KNOWN_TYPES:
                added.type, added.type_name = kinds.TYPE_MESSAGE, _KNOWN_TYPES[kind]
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
            at = event.exited_at
            return Happened("exited", event.container_id, event.exit_status, at.seconds + at.nanos / 1e9)
        case "/tasks/oom":
            return Happened("oom", message("TaskOOM").FromString(body).container_id)
        case "/tasks/start":
            return Happened("started", message("TaskStart").FromString(body).container_id)
    return None
