"""No field of any object is taken for granted: a strange one has problems to tell at most, never a crash."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from podo.api.metadata_rules import problems_of

from .kinddata import container, filled, kind_of, obj, pod, replicated, service
from .test_kinds_columns import NOW, TABLES

FULL_POD = pod(
    [
        container(
            ports=[{"name": "http", "containerPort": 80, "hostPort": 80}],
            env=[
                {"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                {"name": "B", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
                {"name": "C", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
            ],
            envFrom=[{"prefix": "X", "configMapRef": {"name": "c"}}],
            volumeMounts=[{"name": "v", "mountPath": "/x", "subPath": "y"}],
            resources={"limits": {"cpu": "1"}, "requests": {"cpu": "1"}},
            livenessProbe={"httpGet": {"port": 80, "httpHeaders": [{"name": "A", "value": "b"}]}},
            lifecycle={"preStop": {"exec": {"command": ["x"]}}, "postStart": {"tcpSocket": {"port": 1}}},
            securityContext={"runAsUser": 1, "seccompProfile": {"type": "Localhost", "localhostProfile": "x"}},
        )
    ],
    volumes=[
        {"name": "v", "emptyDir": {}},
        {"name": "h", "hostPath": {"path": "/x"}},
        {"name": "s", "secret": {"secretName": "s", "items": [{"key": "k", "path": "p"}]}},
        {
            "name": "p",
            "projected": {
                "sources": [
                    {"configMap": {"name": "c", "items": [{"key": "k", "path": "p"}]}},
                    {"serviceAccountToken": {"path": "t"}},
                    {"downwardAPI": {"items": [{"path": "p", "fieldRef": {"fieldPath": "metadata.name"}}]}},
                ]
            },
        },
    ],
    initContainers=[container("i", restartPolicy="Always")],
    tolerations=[{"key": "a", "operator": "Exists"}],
    affinity={
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "Exists"}]}]
            },
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 1, "preference": {"matchFields": [{"key": "metadata.name", "values": ["n"]}]}}
            ],
        },
        "podAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 1, "podAffinityTerm": {"topologyKey": "a", "labelSelector": {"matchLabels": {"a": "b"}}}}
            ]
        },
    },
    topologySpreadConstraints=[{"maxSkew": 1, "topologyKey": "a", "whenUnsatisfiable": "DoNotSchedule"}],
    dnsPolicy="None",
    dnsConfig={"nameservers": ["10.0.0.1"]},
    hostAliases=[{"ip": "10.0.0.1", "hostnames": ["a"]}],
    schedulingGates=[{"name": "a/b"}],
    readinessGates=[{"conditionType": "a/b"}],
    securityContext={"sysctls": [{"name": "a", "value": "b"}], "supplementalGroups": [1]},
    hostNetwork=True,
)
WORKLOAD = replicated(
    "Deployment", selector={"matchExpressions": [{"key": "app", "operator": "In", "values": ["web"]}]}
)
OBJECTS = [
    FULL_POD,
    WORKLOAD,
    replicated("ReplicaSet"),
    service({"name": "a", "port": 80, "nodePort": 30000}, type="LoadBalancer", sessionAffinity="ClientIP"),
    obj("Secret", type="kubernetes.io/tls", data={"tls.crt": "", "tls.key": ""}),
    obj("Binding", target={"kind": "Node", "name": "n1"}),
    *(rows[0] for rows in TABLES.values()),
]
KEPT = (("apiVersion",), ("kind",), ("metadata",))


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path and path not in KEPT:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from paths(inner, (*path, key))


def changed(given: Any, path: tuple[Any, ...], change: Callable[[Any, Any], None]) -> Any:
    made = copy.deepcopy(given)
    *parents, last = path
    target = made
    for parent in parents:
        target = target[parent]
    change(target, last)
    return made


def remove(target: Any, key: Any) -> None:
    del target[key]


def empty(target: Any, key: Any) -> None:
    target[key] = type(target[key])()


def overdo(target: Any, key: Any) -> None:
    """A value of the right type that nobody expects."""
    value = target[key]
    target[key] = {bool: not value, int: -(2**40), str: "\u00fc/..' " * 40}.get(type(value), value)


@pytest.mark.parametrize("change", [remove, empty, overdo])
@pytest.mark.parametrize("full", OBJECTS, ids=lambda full: full["kind"])
def test_any_field_may_be_absent_empty_or_absurd(full, change):
    kind = kind_of(full)
    whole = filled(full)
    for path in paths(full):
        made = changed(full, path, change)
        kind.fill_in(made)
        problems_of(kind, made, None)
        problems_of(kind, made, whole)
        problems_of(kind, whole, made)
        list(kind.status_problems(made, whole))
        kind.prepare(made, whole)
        kind.prepare(made, None)
        for column in kind.columns:
            column.cell(made, NOW)
        for read in kind.fields.values():
            assert isinstance(read(made), str)
