"""The status of admission policies, and policies about custom resources, in a whole cluster."""

from __future__ import annotations

from typing import Any

import pytest

from podo.api.errors import ApiError
from podo.lab import World

GROUP = "admissionregistration.k8s.io/v1"
WIDGETS = {"apiGroups": ["example.com"], "apiVersions": ["v1"], "operations": ["*"], "resources": ["widgets"]}
DEPLOYMENTS = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["*"], "resources": ["deployments"]}


def policy(name: str, *expressions: str, rules: list[dict[str, Any]], **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": GROUP,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "matchConstraints": {"resourceRules": rules},
            "validations": [{"expression": one} for one in expressions],
            **spec,
        },
    }


def binding(name: str) -> dict[str, Any]:
    spec = {"policyName": name, "validationActions": ["Deny"]}
    kind = "ValidatingAdmissionPolicyBinding"
    return {"apiVersion": GROUP, "kind": kind, "metadata": {"name": name}, "spec": spec}


def definition() -> dict[str, Any]:
    size = {"type": "object", "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": size}}
    names = {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [version]},
    }


def warnings_of(world: World, name: str) -> list[dict[str, str]]:
    """Once the status is of the present generation."""

    def checked() -> Any:
        found = world.get("ValidatingAdmissionPolicy", name)
        status = found.get("status") or {}
        return status if status.get("observedGeneration") == found["metadata"]["generation"] else None

    status: dict[str, Any] = world.wait_until(checked, within=30)
    return list(status["typeChecking"].get("expressionWarnings") or [])


def test_the_status_warns_of_what_the_types_do_not_have() -> None:
    with World(nodes=0) as world:
        variables = [{"name": "n", "expression": "object.spec.replicas"}]
        validations = (
            "object.replicas > 1",
            "variables.n == 'a'",
            "object.spec.replicas > 0",
            "object.metadata.labels.a == 'b'",
        )
        world.apply(policy("bad", *validations, rules=[DEPLOYMENTS], variables=variables))
        assert warnings_of(world, "bad") == [
            {
                "fieldRef": "spec.validations[0].expression",
                "warning": "apps/v1, Kind=Deployment: ERROR: <input>:1:7: undefined field 'replicas'\n"
                " | object.replicas > 1\n | ......^",
            },
            {
                "fieldRef": "spec.validations[1].expression",
                "warning": "apps/v1, Kind=Deployment: ERROR: <input>:1:13: found no matching overload for '_==_' "
                "applied to '(int, string)'\n | variables.n == 'a'\n | ............^",
            },
        ]
        world.apply(policy("bad", "object.spec.replicas > 1", rules=[DEPLOYMENTS]))
        assert warnings_of(world, "bad") == []


def test_policies_hold_for_custom_resources() -> None:
    with World(nodes=0) as world:
        world.apply(definition())
        world.wait_for("CustomResourceDefinition", "widgets.example.com", condition="Established")
        world.apply(policy("small", "object.spec.size < 10", "object.spec.sizes == 1 || true", rules=[WIDGETS]))
        world.apply(binding("small"))
        found = warnings_of(world, "small")
        assert [one["fieldRef"] for one in found] == ["spec.validations[1].expression"]
        assert "example.com/v1, Kind=Widget: ERROR: <input>:1:12: undefined field 'sizes'" in found[0]["warning"]
        widget = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"size": 3}}
        world.apply(widget)
        with pytest.raises(ApiError, match=r"failed expression: object\.spec\.size < 10"):
            world.apply({**widget, "metadata": {"name": "big"}, "spec": {"size": 30}})


def test_custom_resources_are_parameters_and_are_mutated() -> None:
    expression = "Object{spec: Object.spec{size: object.spec.size + params.spec.size}}"
    mutation = {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}
    mutating = {
        "apiVersion": GROUP,
        "kind": "MutatingAdmissionPolicy",
        "metadata": {"name": "grow"},
        "spec": {
            "matchConstraints": {"resourceRules": [{**WIDGETS, "operations": ["CREATE"]}]},
            "paramKind": {"apiVersion": "example.com/v1", "kind": "Widget"},
            "matchConditions": [{"name": "others", "expression": "object.metadata.name != 'by'"}],
            "mutations": [mutation],
            "failurePolicy": "Fail",
            "reinvocationPolicy": "Never",
        },
    }
    reference = {"name": "by", "parameterNotFoundAction": "Allow"}
    spec = {"policyName": "grow", "paramRef": reference}
    bound = {"apiVersion": GROUP, "kind": "MutatingAdmissionPolicyBinding", "metadata": {"name": "grow"}, "spec": spec}
    with World(nodes=0) as world:
        world.apply(definition())
        world.wait_for("CustomResourceDefinition", "widgets.example.com", condition="Established")
        world.apply(mutating)
        world.apply(bound)
        widget = {"apiVersion": "example.com/v1", "kind": "Widget", "spec": {"size": 3}}
        world.apply({**widget, "metadata": {"name": "by"}})
        (made,) = world.apply({**widget, "metadata": {"name": "w"}})
        assert made["spec"]["size"] == 6
