"""Messages of containerd's own API that podo speaks beside CRI, built here from a table of their fields.

Field numbers as in containerd's API (services/events, content and snapshots, types/mount, events/task).
"""

from __future__ import annotations

from functools import cache
from typing import Any

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
    "ReadContentRequest": [("digest", 1, "string")],
    "ReadContentResponse": [("data", 2, "bytes")],
    "Mount": [("type", 1, "string"), ("source", 2, "string"), ("options", 4, "strings")],
    "ViewSnapshotRequest": [
        ("snapshotter", 1, "string"),
        ("key", 2, "string"),
        ("parent", 3, "string"),
        ("labels", 4, "map"),
    ],
    "MountsRequest": [("snapshotter", 1, "string"), ("key", 2, "string")],
    "MountsResponse": [("mounts", 1, "Mounts")],
    "RemoveSnapshotRequest": [("snapshotter", 1, "string"), ("key", 2, "string")],
    "RemoveSnapshotResponse": [],
    "ListSnapshotsRequest": [("snapshotter", 1, "string"), ("filters", 2, "strings")],
    "Snapshot": [("name", 1, "string"), ("labels", 6, "map")],
    "ListSnapshotsResponse": [("info", 1, "Snapshots")],
}
_PACKAGE = "podo"
#: Of a field: its type, whether it is repeated, and the message that it is.
_KINDS = {
    "string": ("TYPE_STRING", False, ""),
    "strings": ("TYPE_STRING", True, ""),
    "bytes": ("TYPE_BYTES", False, ""),
    "uint32": ("TYPE_UINT32", False, ""),
    "any": ("TYPE_MESSAGE", False, ".google.protobuf.Any"),
    "time": ("TYPE_MESSAGE", False, ".google.protobuf.Timestamp"),
    "Mounts": ("TYPE_MESSAGE", True, f".{_PACKAGE}.Mount"),
    "Snapshots": ("TYPE_MESSAGE", True, f".{_PACKAGE}.Snapshot"),
}


@cache
def message(name: str) -> Any:
    """The class of one of the messages."""
    from google.protobuf import message_factory

    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"{_PACKAGE}.{name}"))


@cache
def _pool() -> Any:
    from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, timestamp_pb2

    pool = descriptor_pool.DescriptorPool()
    known = (any_pb2, timestamp_pb2)
    for each in known:
        pool.AddSerializedFile(each.DESCRIPTOR.serialized_pb)
    file = descriptor_pb2.FileDescriptorProto(
        name="podo/containerd.proto",
        package=_PACKAGE,
        syntax="proto3",
        dependency=[each.DESCRIPTOR.name for each in known],
    )
    for title, fields in _MESSAGES.items():
        described = file.message_type.add(name=title)
        for field, number, kind in fields:
            _add(described, title, field, number, kind)
    pool.AddSerializedFile(file.SerializeToString())
    return pool


def _add(described: Any, title: str, field: str, number: int, kind: str) -> None:
    if kind == "map":  # of texts: a message of its own, as protobuf has it
        entry = described.nested_type.add(name=f"{field.capitalize()}Entry")
        entry.options.map_entry = True
        for index, part in enumerate(("key", "value"), 1):
            _add(entry, "", part, index, "string")
        repeated, type_name, type_ = True, f".{_PACKAGE}.{title}.{entry.name}", "TYPE_MESSAGE"
    else:
        type_, repeated, type_name = _KINDS[kind]
    added = described.field.add(name=field, number=number)
    added.type = type(added).Type.Value(type_)
    added.label = type(added).Label.Value("LABEL_REPEATED" if repeated else "LABEL_OPTIONAL")
    if type_name:
        added.type_name = type_name
