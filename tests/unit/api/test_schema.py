"""The table of types: decoding, canonical forms, messages, merge keys, and that it is what its script makes."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from podo.api import schema
from podo.api.errors import ApiError
from podo.api.kind import Kind
from podo.api.schema import table
from podo.values.patch import strategic

DEPLOYMENT = Kind("apps", "v1", "Deployment", "deployments")
POD = Kind("", "v1", "Pod", "pods")
SECRET = Kind("", "v1", "Secret", "secrets")
EVENT = Kind("events.k8s.io", "v1", "Event", "events")
CRD = Kind("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions")


def accepted(kind: Kind, obj: dict[str, Any]) -> dict[str, Any]:
    assert schema.accept(obj, kind) == []
    return obj


def refusal(kind: Kind, obj: dict[str, Any]) -> str:
    with pytest.raises(ApiError) as caught:
        schema.accept(obj, kind)
    assert caught.value.code == 400
    opening = f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: '
    assert caught.value.message.startswith(opening)
    return caught.value.message.removeprefix(opening)


def container(**more: Any) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "a", **more}]}}


def test_the_file_is_what_its_script_makes() -> None:
    pytest.importorskip("kubernetes_validate")
    script = Path(__file__).parents[3] / "scripts/make_schema.py"
    assert subprocess.run([sys.executable, script, "--check"], check=False).returncode == 0


def test_every_type_compiles_and_takes_an_empty_object() -> None:
    kinds = list(table.kinds())
    assert len(kinds) > 150
    for one in kinds:
        assert schema.type_of(*one).decode({}) == []


def test_an_unknown_type_is_told() -> None:
    with pytest.raises(schema.UnknownType, match="Foo in apps/v1"):
        schema.type_of("apps", "v1", "Foo")


def test_unknown_fields_are_refused_warned_of_or_dropped() -> None:
    def body() -> dict[str, Any]:
        return {"spec": {"foo": 1, "replicas": 2, "template": container(nme="x", image="i")}}

    clean = {"spec": {"replicas": 2, "template": container(image="i")}}
    messages = ['unknown field "spec.foo"', 'unknown field "spec.template.spec.containers[0].nme"']
    assert refusal(DEPLOYMENT, body()) == f"strict decoding error: {', '.join(messages)}"
    warned, ignored = body(), body()
    assert schema.accept(warned, DEPLOYMENT, "Warn") == messages
    assert schema.accept(ignored, DEPLOYMENT, "Ignore") == []
    assert warned == ignored == clean


def test_duplicates_count_as_unknown_fields_do() -> None:
    assert schema.accept({}, POD, "Warn", ['duplicate field "a"']) == ['duplicate field "a"']
    with pytest.raises(ApiError, match='strict decoding error: duplicate field "a"'):
        schema.accept({}, POD, "Strict", ['duplicate field "a"'])


def test_the_number_of_messages_is_limited() -> None:
    obj = {f"field{n}": n for n in range(100_000)}
    assert len(schema.accept(obj, POD, "Warn")) == 100
    assert obj == {}


WRONG_TYPES = [
    (
        DEPLOYMENT,
        {"spec": {"replicas": "x"}},
        "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
    ),
    (
        DEPLOYMENT,
        {"spec": {"replicas": 1.5}},
        "json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32",
    ),
    (
        DEPLOYMENT,
        {"spec": {"replicas": 2**31}},
        "json: cannot unmarshal number 2147483648 into Go struct field DeploymentSpec.spec.replicas of type int32",
    ),
    (
        DEPLOYMENT,
        {"spec": {"replicas": True}},
        "json: cannot unmarshal bool into Go struct field DeploymentSpec.spec.replicas of type int32",
    ),
    (
        POD,
        container(env=[{"name": "a", "value": 1}]),
        "json: cannot unmarshal number into Go struct field EnvVar.spec.containers.env.value of type string",
    ),
    (
        POD,
        {"spec": {"containers": {}}},
        "json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container",
    ),
    (POD, {"spec": []}, "json: cannot unmarshal array into Go struct field Pod.spec of type v1.PodSpec"),
    (
        POD,
        {"metadata": {"labels": {"a": 1}}},
        "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string",
    ),
    (
        POD,
        {"metadata": {"labels": []}},
        "json: cannot unmarshal array into Go struct field ObjectMeta.metadata.labels of type map[string]string",
    ),
    (SECRET, {"data": {"a": "%"}}, "illegal base64 data at input byte 0"),
    (
        POD,
        container(resources={"limits": {"cpu": "x"}}),
        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    ),
]


@pytest.mark.parametrize(("kind", "obj", "message"), WRONG_TYPES)
def test_wrong_types_are_told_as_upstream_does(kind: Kind, obj: dict[str, Any], message: str) -> None:
    assert refusal(kind, obj) == message


@pytest.mark.parametrize("text", ["x", "2025-01-01", "2025-13-01T00:00:00Z", "2025-01-01T00:00:00", "9" * 1000, 5])
def test_malformed_times_are_refused(text: Any) -> None:
    assert refusal(POD, {"metadata": {"creationTimestamp": text}})


def test_values_become_canonical() -> None:
    pod = accepted(
        POD,
        {
            "metadata": {"creationTimestamp": "2025-01-01T02:00:00.5+02:00", "deletionTimestamp": None},
            **container(resources={"limits": {"cpu": 0.5, "memory": "1024Mi"}}),
        },
    )
    assert pod["metadata"] == {"creationTimestamp": "2025-01-01T00:00:00Z"}
    assert pod["spec"]["containers"][0]["resources"]["limits"] == {"cpu": "500m", "memory": "1Gi"}
    assert accepted(EVENT, {"eventTime": "2025-01-01T00:00:00Z"}) == {"eventTime": "2025-01-01T00:00:00.000000Z"}
    assert accepted(SECRET, {"data": {"a": "YWJj\nZA=="}}) == {"data": {"a": "YWJjZA=="}}


def test_nulls_are_dropped_and_become_zero_where_they_cannot_be() -> None:
    pod = {"metadata": {"labels": {"a": None}, "finalizers": None}, "spec": {"containers": [None], "volumes": None}}
    assert accepted(POD, pod) == {"metadata": {"labels": {"a": ""}}, "spec": {"containers": [{}]}}


def test_int_or_string_takes_both() -> None:
    probes = {"livenessProbe": {"httpGet": {"port": 80}}, "readinessProbe": {"httpGet": {"port": "http"}}}
    accepted(POD, container(**probes))
    assert "of type int32" in refusal(POD, container(livenessProbe={"httpGet": {"port": 1.5}}))


def test_free_form_values_are_kept() -> None:
    crd = {
        "metadata": {"managedFields": [{"fieldsV1": {"f:spec": {"f:x": {}}}}]},
        "spec": {"versions": [{"schema": {"openAPIV3Schema": {"default": {"any": [1]}, "items": {"type": "string"}}}}]},
    }
    assert accepted(CRD, copy.deepcopy(crd)) == crd


def test_strategic_merge_patch_takes_its_keys_from_the_table() -> None:
    before = {
        "spec": {
            "template": {
                "spec": {
                    "containers": [{"name": "a", "image": "1", "ports": [{"containerPort": 80, "name": "http"}]}],
                    "tolerations": [{"key": "x"}],
                    "volumes": [{"name": "v", "emptyDir": {}}],
                    "nodeSelector": {"a": "b"},
                }
            }
        }
    }
    patch = {
        "spec": {
            "template": {
                "spec": {
                    "containers": [{"name": "a", "image": "2", "ports": [{"containerPort": 80, "hostPort": 8080}]}],
                    "tolerations": [{"key": "y"}],
                    "volumes": [{"name": "v", "$retainKeys": ["name", "hostPath"], "hostPath": {"path": "/"}}],
                    "nodeSelector": {"c": "d"},
                }
            }
        }
    }
    after = strategic.apply(before, patch, schema.type_of("apps", "v1", "Deployment"))["spec"]["template"]["spec"]
    ports = [{"containerPort": 80, "name": "http", "hostPort": 8080}]
    assert after["containers"] == [{"name": "a", "image": "2", "ports": ports}]
    assert after["tolerations"] == [{"key": "y"}]
    assert after["volumes"] == [{"name": "v", "hostPath": {"path": "/"}}]
    assert after["nodeSelector"] == {"a": "b", "c": "d"}


MERGE_KEYS = [
    ("io.k8s.api.core.v1.PodSpec", "initContainers", "name"),
    ("io.k8s.api.core.v1.PodSpec", "hostAliases", "ip"),
    ("io.k8s.api.core.v1.PodSpec", "imagePullSecrets", "name"),
    ("io.k8s.api.core.v1.PodSpec", "topologySpreadConstraints", "topologyKey"),
    ("io.k8s.api.core.v1.PodStatus", "conditions", "type"),
    ("io.k8s.api.core.v1.PodStatus", "podIPs", "ip"),
    ("io.k8s.api.core.v1.NodeStatus", "addresses", "type"),
    ("io.k8s.api.core.v1.ServiceSpec", "ports", "port"),
    ("io.k8s.api.core.v1.ServiceAccount", "secrets", "name"),
    ("io.k8s.api.core.v1.Container", "volumeMounts", "mountPath"),
    ("io.k8s.api.core.v1.Container", "volumeDevices", "devicePath"),
    ("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta", "ownerReferences", "uid"),
]


@pytest.mark.parametrize(("name", "field", "key"), MERGE_KEYS)
def test_merge_keys(name: str, field: str, key: str) -> None:
    found = schema.type_named(name).field(field)
    assert found is not None
    assert found.merges
    assert found.merge_key == key
    assert isinstance(found.element, schema.Type)


def test_a_types_own_fields_preserved_when_it_says_so() -> None:
    kept = schema.Type("example.com.v1.Foo", {"n": schema.Field("n", schema.Shape("int32"))}, preserves=True)
    obj = {"n": 1, "other": {"x": None}}
    assert kept.decode(obj) == []
    assert obj == {"n": 1, "other": {"x": None}}
