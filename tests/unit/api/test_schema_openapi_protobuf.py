"""OpenAPI v2 in protobuf: read back by protobuf's own reader, it says the same as the document in JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from podo.api import registry
from podo.api.schema import openapi, openapi_protobuf

#: What the test reads, in the words of OpenAPIv2.proto: message -> field -> (number, type or message, repeated).
READ: dict[str, dict[str, tuple[int, str, bool]]] = {
    "Document": {"swagger": (1, "", False), "paths": (8, "Paths", False), "definitions": (9, "Definitions", False)},
    "Paths": {"path": (2, "NamedPathItem", True)},
    "NamedPathItem": {"name": (1, "", False), "value": (2, "PathItem", False)},
    "PathItem": {"patch": (8, "Operation", False)},
    "Operation": {"parameters": (8, "ParametersItem", True), "vendor_extension": (13, "NamedAny", True)},
    "ParametersItem": {"parameter": (1, "Parameter", False)},
    "Parameter": {"non_body_parameter": (2, "NonBodyParameter", False)},
    "NonBodyParameter": {"query": (3, "QueryParameter", False)},
    "QueryParameter": {"name": (4, "", False)},
    "Definitions": {"additional_properties": (1, "NamedSchema", True)},
    "NamedSchema": {"name": (1, "", False), "value": (2, "Schema", False)},
    "Schema": {
        "ref": (1, "", False),
        "required": (19, "", True),
        "type": (22, "TypeItem", False),
        "properties": (25, "Definitions", False),
        "vendor_extension": (31, "NamedAny", True),
    },
    "TypeItem": {"value": (1, "", True)},
    "NamedAny": {"name": (1, "", False), "value": (2, "Any", False)},
    "Any": {"yaml": (2, "", False)},
}


@pytest.fixture(scope="module")
def read() -> Any:
    """The document as a message of ``google.protobuf``."""
    file = descriptor_pb2.FileDescriptorProto(name="read.proto", package="read", syntax="proto3")
    for name, fields in READ.items():
        message = file.message_type.add(name=name)
        for field, (number, holds, many) in fields.items():
            kind = descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE if holds else 9  # 9: string
            label = 3 if many else 1
            made = message.field.add(name=field, number=number, type=kind, label=label)
            if holds:
                made.type_name = f".read.{holds}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = message_factory.GetMessageClass(pool.FindMessageTypeByName("read.Document"))
    return found.FromString(openapi_protobuf.encode(DOCUMENT))


DOCUMENT = openapi.v2_document(list(registry.all_kinds()), "v1.37.0")


def test_go_clients_ask_in_a_form_of_their_own() -> None:
    assert openapi_protobuf.is_asked_for("application/com.github.proto-openapi.spec.v2@v1.0+protobuf")
    assert openapi_protobuf.is_asked_for(openapi_protobuf.MEDIA_TYPE)
    assert not openapi_protobuf.is_asked_for("application/json")


def test_every_definition_is_there(read: Any) -> None:
    assert read.swagger == "2.0"
    found = {entry.name: entry.value for entry in read.definitions.additional_properties}
    assert list(found) == list(DOCUMENT["definitions"])
    for name, expected in DOCUMENT["definitions"].items():
        schema = found[name]
        assert list(schema.type.value) == ([expected["type"]] if "type" in expected else []), name
        assert list(schema.required) == expected.get("required", []), name
        assert [p.name for p in schema.properties.additional_properties] == list(expected.get("properties", {})), name


def test_kubectl_finds_field_validation_by_kind(read: Any) -> None:
    for entry in read.paths.path:
        expected = DOCUMENT["paths"][entry.name].get("patch")
        assert entry.value.HasField("patch") == (expected is not None)
        if expected:
            extensions = {one.name: json.loads(one.value.yaml) for one in entry.value.patch.vendor_extension}
            key = "x-kubernetes-group-version-kind"
            assert extensions[key] == expected[key]
            names = [one.parameter.non_body_parameter.query.name for one in entry.value.patch.parameters]
            assert "fieldValidation" in names
