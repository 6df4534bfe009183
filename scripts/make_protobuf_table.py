"""Make the table of protobuf field numbers from the Go type information in a kubectl binary.

kubectl sends what it creates as protobuf, and the numbers of the fields stand in no JSON schema. They are in the
struct tags (``protobuf:"bytes,1,opt,name=metadata"``) that every Go program carries for reflection. Run it with the
kubectl of the API's version: ``scripts/make_protobuf_table.py build/bin/kubectl
src/podo/apiserver/protobuf_v1_37.json``.
"""

from __future__ import annotations

import json
import re
import struct
import sys
from pathlib import Path

POINTER, SLICE, STRUCT, MAP, STRING, BOOL = 22, 23, 25, 21, 24, 1
INTEGERS = range(2, 13)
FLOATS = (13, 14)
UINT8 = 8
UNCOMMON, EXTRA_STAR = 1, 2
TYPE_SIZE, STRUCT_SIZE = 48, 80
#: Words of runtime.moduledata: where types begin, and the slice of typelinks.
TYPES, TYPELINKS = 37, 45
META = "k8s.io/apimachinery/pkg/apis/meta/v1"
PACKAGE = re.compile(r"k8s\.io/api/([a-z]+)/(v1|v2)$")
#: Types with a form of their own on the wire.
SPECIAL = {
    "k8s.io/apimachinery/pkg/api/resource.Quantity": "quantity",
    "k8s.io/apimachinery/pkg/util/intstr.IntOrString": "int-or-string",
    f"{META}.Time": "time",
    f"{META}.MicroTime": "micro-time",
    "k8s.io/apimachinery/pkg/runtime.RawExtension": "raw",
    f"{META}.FieldsV1": "raw",
}


class Binary:
    """The types of a Go program: a 64-bit little-endian ELF file that is not position-independent."""

    def __init__(self, path: Path) -> None:
        self.data = path.read_bytes()
        self.sections = list(self._sections())
        module = next(section for section in self.sections if section[0] == ".go.module")
        words = struct.unpack_from(f"<{module[3] // 8}Q", self.data, module[2])
        self.types = words[TYPES]
        count = words[TYPELINKS + 1]
        self.links = struct.unpack_from(f"<{count}i", self.data, self.offset(words[TYPELINKS]))

    def _sections(self):
        (table,) = struct.unpack_from("<Q", self.data, 0x28)
        size, count, names = struct.unpack_from("<HHH", self.data, 0x3A)
        rows = [struct.unpack_from("<IIQQQQ", self.data, table + index * size) for index in range(count)]
        strings = rows[names][4]
        for name, _, _, address, offset, length in rows:
            start = strings + name
            yield self.data[start : self.data.index(b"\0", start)].decode(), address, offset, length

    def offset(self, address: int) -> int:
        for _, start, offset, length in self.sections:
            if start and start <= address < start + length:
                return offset + address - start
        raise ValueError(hex(address))

    def word(self, address: int) -> int:
        return struct.unpack_from("<Q", self.data, self.offset(address))[0]

    def name(self, address: int) -> tuple[str, str]:
        """A name and its tag."""
        at = self.offset(address)
        flags = self.data[at]
        text, at = self._text(at + 1)
        return text, self._text(at)[0] if flags & 2 else ""

    def _text(self, at: int) -> tuple[str, int]:
        length = shift = 0
        while True:
            byte = self.data[at]
            at += 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return self.data[at : at + length].decode("utf-8", "replace"), at + length

    def kind(self, address: int) -> int:
        return self.data[self.offset(address) + 23] & 0x1F

    def type_name(self, address: int) -> str:
        """``k8s.io/api/core/v1.Pod`` for a named struct, else ""."""
        at = self.offset(address)
        flags = self.data[at + 20]
        if not flags & UNCOMMON:
            return ""
        (text,) = struct.unpack_from("<i", self.data, at + 40)
        name = self.name(self.types + text)[0]
        (package,) = struct.unpack_from("<i", self.data, at + STRUCT_SIZE)
        return f"{self.name(self.types + package)[0]}.{name.rpartition('.')[2]}"

    def fields(self, address: int):
        """(name, tag, type) of each field of a struct."""
        first, count = self.word(address + 56), self.word(address + 64)
        for index in range(count):
            name, kind = self.word(first + index * 24), self.word(first + index * 24 + 8)
            yield (*self.name(name), kind)


def structs(binary: Binary) -> dict[str, int]:
    """Every named struct that can be reached from the typelinks."""
    found: dict[str, int] = {}
    seen: set[int] = set()
    pending = [binary.types + link for link in binary.links]
    while pending:
        address = pending.pop()
        if address in seen:
            continue
        seen.add(address)
        kind = binary.kind(address)
        if kind in (POINTER, SLICE, 17):
            pending.append(binary.word(address + TYPE_SIZE))
        elif kind == MAP:
            pending += [binary.word(address + TYPE_SIZE), binary.word(address + TYPE_SIZE + 8)]
        elif kind == STRUCT:
            pending += [kind for _, _, kind in binary.fields(address)]
            if name := binary.type_name(address):
                found[name] = address
    return found


def shape(binary: Binary, address: int, names: set[str]) -> str:
    """A field's type: ``string``, ``bool``, ``int``, ``double``, ``bytes``, ``@MESSAGE``, ``[]...`` or ``map:...``."""
    kind = binary.kind(address)
    if kind == POINTER:
        return shape(binary, binary.word(address + TYPE_SIZE), names)
    if kind == SLICE:
        element = binary.word(address + TYPE_SIZE)
        return "bytes" if binary.kind(element) == UINT8 else "[]" + shape(binary, element, names)
    if kind == MAP:
        return "map:" + shape(binary, binary.word(address + TYPE_SIZE + 8), names)
    if kind == STRUCT:
        name = binary.type_name(address)
        if name in SPECIAL:
            return SPECIAL[name]
        names.add(name)
        return "@" + name
    if kind == STRING:
        return "string"
    if kind == BOOL:
        return "bool"
    return "double" if kind in FLOATS else "int"


def message(binary: Binary, address: int, names: set[str]) -> dict[str, list[str]]:
    """Field number -> [JSON name ("" for an inlined struct), type, "o" if a zero is left out]."""
    found: dict[str, list[str]] = {}
    for _, tag, kind in binary.fields(address):
        number = re.search(r'protobuf:"[a-z0-9]+,(\d+),', tag)
        written = re.search(r'json:"([^"]*)"', tag)
        if not number or not written or written[1] == "-":
            continue
        name, _, options = written[1].partition(",")
        omits = "omitempty" in options or "omitzero" in options
        kept = binary.kind(kind) == POINTER or not omits
        found[number[1]] = [name, shape(binary, kind, names)] + ([] if kept else ["o"])
    return found


def main(kubectl: str, target: str) -> None:
    binary = Binary(Path(kubectl))
    known = structs(binary)
    messages: dict[str, dict[str, list[str]]] = {}
    pending = [name for name in known if PACKAGE.match(name.rpartition(".")[0]) and is_object(binary, known[name])]
    pending.append(f"{META}.DeleteOptions")
    while pending:
        name = pending.pop()
        if name not in messages:
            names: set[str] = set()
            messages[name] = message(binary, known[name], names)
            pending += names
    lines = [f"{json.dumps(name)}: {json.dumps(messages[name], separators=(',', ':'))}" for name in sorted(messages)]
    Path(target).write_text("{\n" + ",\n".join(lines) + "\n}\n")


def is_object(binary: Binary, address: int) -> bool:
    """Has it a TypeMeta, and is it no list?"""
    names = [name for name, _, _ in binary.fields(address)]
    return "TypeMeta" in names and "Items" not in names


if __name__ == "__main__":
    main(*sys.argv[1:])
