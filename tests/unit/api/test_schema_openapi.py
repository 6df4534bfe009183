"""The OpenAPI documents: references resolve, and kubectl finds what it looks for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from podo.api import registry
from podo.api.schema import descriptions, openapi

KINDS = list(registry.all_kinds())
APPS = [kind for kind in KINDS if (kind.group, kind.version) == ("apps", "v1")]
DEPLOYMENT = {"group": "apps", "version": "v1", "kind": "Deployment"}


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_every_reference_of_v3_resolves() -> None:
    document = openapi.v3_document(APPS, "v1.37.0")
    names = document["components"]["schemas"]
    found = set(references(document))
    assert found
    assert {ref for ref in found if ref.removeprefix(openapi.V3_REF) not in names} == set()


def test_every_reference_of_v2_resolves() -> None:
    document = openapi.v2_document(KINDS, "v1.37.0")
    found = set(references(document))
    assert {ref for ref in found if ref.removeprefix(openapi.V2_REF) not in document["definitions"]} == set()
    assert document["swagger"] == "2.0"


def test_kubectl_finds_that_patch_takes_field_validation_and_dry_run() -> None:
    document = openapi.v3_document(APPS, "v1.37.0")
    item = document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]
    patch = item["patch"]
    assert patch["x-kubernetes-group-version-kind"] == DEPLOYMENT
    assert patch["x-kubernetes-action"] == "patch"
    assert {"fieldValidation", "dryRun"} <= {parameter["name"] for parameter in patch["parameters"]}
    assert "application/strategic-merge-patch+json" in patch["requestBody"]["content"]


def test_operation_ids_are_unique() -> None:
    document = openapi.v3_document(KINDS, "v1.37.0")
    ids = [
        operation["operationId"]
        for item in document["paths"].values()
        for operation in item.values()
        if isinstance(operation, dict)
    ]
    assert len(ids) == len(set(ids)) > 50


def test_kubectl_finds_types_by_kind_and_lists_by_merge_key() -> None:
    schemas = openapi.v3_document(APPS, "v1.37.0")["components"]["schemas"]
    assert DEPLOYMENT in schemas["io.k8s.api.apps.v1.Deployment"]["x-kubernetes-group-version-kind"]
    containers = schemas["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"]
    assert containers["x-kubernetes-patch-merge-key"] == "name"
    assert containers["x-kubernetes-list-type"] == "map"
    assert containers["items"] == {"allOf": [{"$ref": "#/components/schemas/io.k8s.api.core.v1.Container"}]}


def test_the_index_points_to_each_document_with_its_hash() -> None:
    digest = openapi.digest(b"x")
    assert openapi.v3_index({("", "v1"): digest, ("apps", "v1"): digest}) == {
        "paths": {
            "api/v1": {"serverRelativeURL": f"/openapi/v3/api/v1?hash={digest}"},
            "apis/apps/v1": {"serverRelativeURL": f"/openapi/v3/apis/apps/v1?hash={digest}"},
        }
    }


def test_descriptions_come_from_the_package_where_it_is_installed() -> None:
    assert descriptions.of_type("no.such.package.v1.Thing") == ("", {})
    pytest.importorskip("lightkube")
    about, fields = descriptions.of_type("io.k8s.api.core.v1.PodSpec")
    assert "pod" in about
    assert "containers" in fields["containers"]
    assert "\n" not in fields["containers"]
