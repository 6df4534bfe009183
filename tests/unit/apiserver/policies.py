"""Policies and bindings for tests, as short as they can be."""

from __future__ import annotations

from typing import Any

from tests.unit.apiserver.world import World

GROUP = "admissionregistration.k8s.io/v1"
BASE = f"/apis/{GROUP}"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"


def rule(group: str, *resources: str, operations: tuple[str, ...] = ("*",), **more: Any) -> dict[str, Any]:
    versions = {"apiGroups": [group], "apiVersions": ["*"], "operations": list(operations)}
    return {**versions, "resources": list(resources), **more}


ON_DEPLOYMENTS = {"resourceRules": [rule("apps", "deployments", operations=("CREATE", "UPDATE"))]}
ON_CONFIGMAPS = {"resourceRules": [rule("", "configmaps")]}


def _named(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": GROUP, "kind": kind, "metadata": {"name": name}, "spec": spec}


def validating(name: str, *validations: Any, match: dict[str, Any] = ON_DEPLOYMENTS, **spec: Any) -> dict[str, Any]:
    """``validations``: texts are expressions."""
    found = [one if isinstance(one, dict) else {"expression": one} for one in validations]
    return _named("ValidatingAdmissionPolicy", name, {"matchConstraints": match, "validations": found, **spec})


def mutating(name: str, *mutations: str, match: dict[str, Any] = ON_DEPLOYMENTS, **spec: Any) -> dict[str, Any]:
    """``mutations``: those that begin with a bracket are JSON patches."""
    found = [
        {"patchType": "JSONPatch", "jsonPatch": {"expression": one}}
        if one.startswith("[")
        else {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": one}}
        for one in mutations
    ]
    more = {"reinvocationPolicy": "Never", "failurePolicy": "Fail", **spec}
    return _named("MutatingAdmissionPolicy", name, {"matchConstraints": match, "mutations": found, **more})


def binding(policy: dict[str, Any], *actions: str, name: str = "bound", **spec: Any) -> dict[str, Any]:
    kind = f"{policy['kind']}Binding"
    if kind.startswith("Validating"):
        spec["validationActions"] = list(actions or ("Deny",))
    return _named(kind, name, {"policyName": policy["metadata"]["name"], **spec})


async def enforce(world: World, policy: dict[str, Any], *actions: str, **spec: Any) -> None:
    """Create the policy and a binding to it."""
    await world.client.create(policy)
    await world.client.create(binding(policy, *actions, **spec))


def deployment(name: str = "web", replicas: int = 1, **metadata: Any) -> dict[str, Any]:
    pod = {"containers": [{"name": "main", "image": "nginx:1.14.2"}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default", **metadata},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": pod},
        },
    }


def configmap(name: str, **data: str) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
