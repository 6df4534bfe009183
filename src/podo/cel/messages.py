"""Objects as the checker knows them: each becomes a protobuf message, so that a field that is not there is an error.

The checker looks only at names and types of fields; no message is ever made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from podo.cel.declared import Declared
from podo.cel.escaping import escape

_SCALARS = {"int": "int", "double": "double", "bool": "bool", "string": "string", "bytes": "bytes"}
_TEXTS = {**_SCALARS, "timestamp": "timestamp", "duration": "duration", "dyn": "dyn"}
_KNOWN = {
    "timestamp": ".google.protobuf.Timestamp",
    "duration": ".google.protobuf.Duration",
    "dyn": ".google.protobuf.Value",
}
_WRAPPED = {"int": "Int64", "double": "Double", "bool": "Bool", "string": "String", "bytes": "Bytes"}
_IMPORTS = tuple(f"google/protobuf/{name}.proto" for name in ("timestamp", "duration", "struct", "wrappers"))
_not_word = re.compile(r"\W")


class Messages:
    """Collects messages; ``descriptor`` is the file of all of them. One that is declared twice is made once."""

    def __init__(self) -> None:
        from google.protobuf import descriptor_pb2

        self._pb: Any = descriptor_pb2
        self._file: Any = descriptor_pb2.FileDescriptorProto(name="podo.proto", syntax="proto2")
        self._file.dependency.extend(_IMPORTS)
        self._names: dict[int, str] = {}
        self._kept: list[Declared] = []  # so that no id is given twice
        self._taken: set[str] = set()

    @property
    def descriptor(self) -> bytes:
        found: bytes = self._file.SerializeToString()
        return found

    def type_of(self, declared: Declared, name: str) -> str:
        """The type as CEL writes it. ``name``: what an object is called, if it has no name yet."""
        if declared.form == "object":
            return self._message(declared, name)
        if declared.item is None:
            return _TEXTS[declared.form]
        inner = self.type_of(declared.item, f"{name}_item")
        return f"list<{inner}>" if declared.form == "list" else f"map<string, {inner}>"

    def _message(self, declared: Declared, wanted: str) -> str:
        known = self._names.get(id(declared))
        if known is not None:
            return known
        name = self._free(_not_word.sub("_", wanted))
        self._names[id(declared)] = name
        self._kept.append(declared)
        message = self._file.message_type.add(name=name)
        message.options.deprecated_legacy_json_field_conflicts = True  # JSON has its own names; no warning on stderr
        self._add_fields(message, declared.fields, name)
        return name

    def _free(self, wanted: str) -> str:
        name, count = wanted, 1
        while name in self._taken:
            count += 1
            name = f"{wanted}_{count}"
        self._taken.add(name)
        return name

    def _add_fields(self, message: Any, fields: Mapping[str, Declared], owner: str) -> None:
        taken: set[str] = set()
        for field, declared in fields.items():
            for name in dict.fromkeys((escape(field), field if field.isidentifier() and field.isascii() else None)):
                if name is not None and name not in taken:
                    taken.add(name)
                    self._add_field(message, name, declared, f"{owner}_{_not_word.sub('_', field)}")

    def _add_field(self, message: Any, name: str, declared: Declared, path: str) -> None:
        number = len(message.field) + 1
        added = message.field.add(name=name, number=number, json_name=f"f{number}", label=1)
        item = declared.item
        if declared.form == "list" and item and item.form not in ("list", "map"):
            added.label = 3
            self._set_type(added, item, path)
        elif declared.form == "map" and item and item.form not in ("list", "map"):
            added.label, added.type = 3, self._pb.FieldDescriptorProto.TYPE_MESSAGE
            added.type_name = self._entry(message, number, item, path)
        else:
            self._set_type(added, declared, path)

    def _entry(self, message: Any, number: int, item: Declared, path: str) -> str:
        """The type of a map's entries: a message of key and value within the owner."""
        entry = message.nested_type.add(name=self._entry_name(message.field[number - 1].name))
        entry.options.map_entry = True
        entry.field.add(name="key", number=1, label=1, type=self._pb.FieldDescriptorProto.TYPE_STRING)
        self._set_type(entry.field.add(name="value", number=2, label=1), item, path)
        return f".{message.name}.{entry.name}"

    @staticmethod
    def _entry_name(field: str) -> str:
        """As the protobuf compiler names it: the field in camel case, then Entry."""
        return "".join(part[:1].upper() + part[1:] for part in field.split("_")) + "Entry"

    def _set_type(self, added: Any, declared: Declared, path: str) -> None:
        pb = self._pb.FieldDescriptorProto
        if declared.form == "object":
            added.type, added.type_name = pb.TYPE_MESSAGE, f".{self._message(declared, path)}"
        elif declared.form in _SCALARS and not (declared.nullable and added.label == 1):
            added.type = getattr(pb, f"TYPE_{declared.form.upper()}" if declared.form != "int" else "TYPE_INT64")
        elif declared.form in _WRAPPED:
            added.type, added.type_name = pb.TYPE_MESSAGE, f".google.protobuf.{_WRAPPED[declared.form]}Value"
        else:
            added.type, added.type_name = pb.TYPE_MESSAGE, _KNOWN.get(declared.form, _KNOWN["dyn"])
