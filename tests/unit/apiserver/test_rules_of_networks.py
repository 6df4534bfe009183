"""What Ingresses, their classes, NetworkPolicies, address ranges and the names of Services must be like, as a client
sees it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.apiserver.judged import Obj, assert_begin, changed, one, told

NETWORKING = "networking.k8s.io/v1"
CLASS = "kubernetes.io/ingress.class"
BACKEND: Obj = {"service": {"name": "web", "port": {"number": 80}}}


def ingress(*paths: Obj, **spec: Any) -> Obj:
    rules = [{"http": {"paths": list(paths) or [{"path": "/", "pathType": "Prefix", "backend": BACKEND}]}}]
    return one(NETWORKING, "Ingress", spec={"rules": rules, **spec})


def ranges(*cidrs: str) -> Obj:
    return one(NETWORKING, "ServiceCIDR", spec={"cidrs": list(cidrs)})


def ingressclass(**parameters: Any) -> Obj:
    given = {"kind": "Settings", "name": "a", **parameters}
    return one(NETWORKING, "IngressClass", spec={"controller": "a.example/b", "parameters": given})


POLICY = one(NETWORKING, "NetworkPolicy", spec={"podSelector": {}, "ingress": [{"ports": [{"protocol": "ICMP"}]}]})
NEW: list[tuple[Obj, list[str]]] = [
    (ingress({"path": "/"}), ["spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified"]),
    (
        ingress(
            {"path": "x", "pathType": "Exact", "backend": {}},
            tls=[{"hosts": ["*."], "secretName": "A"}],
            ingressClassName="A",
        ),
        [
            'spec.rules[0].http.paths[0].path: Invalid value: "x": must be an absolute path',
            'spec.rules[0].http.paths[0].backend: Invalid value: "": resource or service backend is required',
            'spec.tls[0].hosts[0]: Invalid value: "*.": ',
            'spec.tls[0].secretName: Invalid value: "A": ',
            'spec.ingressClassName: Invalid value: "A": ',
        ],
    ),
    (ingress(defaultBackend={"service": {"name": "1web", "port": {"name": "http"}}}), []),
    (changed(ingress(ingressClassName="a"), metadata__annotations={CLASS: "a"}), []),
    (
        changed(ingress(ingressClassName="a"), metadata__annotations={CLASS: "b"}),
        [f'annotations.{CLASS}: Invalid value: "b": must match `ingressClassName` when both are specified'],
    ),
    (ingressclass(scope="Namespace", namespace="a"), []),
    (
        ingressclass(scope="Namespace"),
        ["spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'"],
    ),
    (
        POLICY,
        ['spec.ingress[0].ports[0].protocol: Unsupported value: "ICMP": supported values: "TCP", "UDP", "SCTP"'],
    ),
    (one("v1", "Service", "1web", spec={"ports": [{"port": 80}]}), []),
    (
        one("v1", "Service", "web.a", spec={"ports": [{"port": 80}]}),
        ['metadata.name: Invalid value: "web.a": must not contain dots'],
    ),
]


@pytest.mark.parametrize(("given", "wanted"), NEW)
def test_what_networks_must_be_like(given: Obj, wanted: list[str]) -> None:
    assert_begin(told(given), wanted)


CHANGES: list[tuple[Obj, Obj, list[str]]] = [
    (ranges("10.1.0.0/24"), ranges("10.1.0.0/24", "2001:db8::/64"), []),
    (
        ranges("10.1.0.0/24"),
        ranges("10.2.0.0/24"),
        ['spec.cidrs[0]: Invalid value: "10.2.0.0/24": field is immutable'],
    ),
    (
        ranges("10.1.0.0/24", "2001:db8::/64"),
        ranges("10.1.0.0/24"),
        ['spec.cidrs: Invalid value: ["10.1.0.0/24"]: field is immutable'],
    ),
    (
        ingressclass(),
        changed(ingressclass(name="A/b"), spec__controller="c.example/d"),
        [
            'spec.controller: Invalid value: "c.example/d": field is immutable',
            "spec.parameters.name: Invalid value: \"A/b\": may not contain '/'",
        ],
    ),
]


@pytest.mark.parametrize(("old", "new", "wanted"), CHANGES)
def test_what_of_networks_may_change(old: Obj, new: Obj, wanted: list[str]) -> None:
    assert told(new, old) == wanted
