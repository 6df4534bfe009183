"""What is wrong with objects of the other kinds, and with anybody's metadata, in upstream's words."""

from __future__ import annotations

import base64
import copy

import pytest

from podo.api.metadata_rules import ANNOTATIONS_MAX
from podo.api.registry import all_kinds, named

from .kinddata import container, filled, obj, replicated, service, wrong


def meta(**fields):
    given = obj("ConfigMap")
    given["metadata"].update(fields)
    return given


METADATA = [
    (meta(name=""), ["metadata.name: Required value: name or generateName is required"]),
    (meta(namespace=""), ["metadata.namespace: Required value"]),
    (meta(finalizers=["example.com/hold"]), []),
    (
        meta(finalizers=["hold"]),
        [
            'metadata.finalizers[0]: Invalid value: "hold": '
            "name is neither a standard finalizer name nor is it fully qualified"
        ],
    ),
    (
        meta(ownerReferences=[{"apiVersion": "v1", "kind": "Pod", "name": "a"}]),
        ['metadata.ownerReferences.uid: Invalid value: "": must not be empty'],
    ),
    (
        meta(annotations={"a": "x" * ANNOTATIONS_MAX}),
        ["metadata.annotations: Too long: may not be more than 262144 bytes"],
    ),
    (meta(annotations={"a": "x" * (ANNOTATIONS_MAX - 1)}), []),
    (
        meta(labels={"a": "x" * 64}),
        [f'metadata.labels: Invalid value: "{"x" * 64}": must be no more than 63 characters'],
    ),
    (
        obj("Node") | {"metadata": {"name": "n", "namespace": "x"}},
        ["metadata.namespace: Forbidden: not allowed on this type"],
    ),
]
SERVICES = [
    (service(), []),
    (obj("Service", spec={}), ["spec.ports: Required value"]),
    (obj("Service", spec={"clusterIP": "None"}), []),
    (obj("Service", spec={"type": "ExternalName", "externalName": "example.com."}), []),
    (obj("Service", spec={"type": "ExternalName"}), ["spec.externalName: Required value"]),
    (
        service(type="Magic"),
        [
            'spec.type: Unsupported value: "Magic": '
            'supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"'
        ],
    ),
    (service({"port": 1}, {"port": 2}), ["spec.ports[0].name: Required value", "spec.ports[1].name: Required value"]),
    (
        service({"name": "a", "port": 1}, {"name": "a", "port": 2}),
        ['spec.ports[1].name: Duplicate value: "a"'],
    ),
    (service({"name": "a", "port": 1}, {"name": "b", "port": 1, "protocol": "UDP"}), []),
    (
        service({"name": "a", "port": 1}, {"name": "b", "port": 1}),
        ['spec.ports[1]: Duplicate value: {"port":1,"protocol":"TCP"}'],
    ),
    (
        service({"port": 0}),
        [
            "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
            "spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive",
        ],
    ),
    (
        service({"port": 80, "nodePort": 30000}),
        ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
    ),
    (
        service(clusterIP="1.2.3"),
        ['spec.clusterIPs[0]: Invalid value: "1.2.3": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
    ),
    (
        service(clusterIP="None", type="NodePort"),
        ["spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for NodePort services"],
    ),
    (
        service(sessionAffinity="Sticky"),
        ['spec.sessionAffinity: Unsupported value: "Sticky": supported values: "ClientIP", "None"'],
    ),
    (
        service(externalTrafficPolicy="Local"),
        ['spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services'],
    ),
]
SERVICES += [
    (
        service(ipFamilyPolicy="RequireDualStack"),
        [
            'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": '
            "this cluster is not configured for dual-stack services"
        ],
    ),
    (service(ipFamilies=["IPv6"]), ['spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster']),
    (obj("Service", spec={"clusterIP": "None", "ipFamilies": ["IPv4", "IPv6"]}), []),
    (
        service(trafficDistribution="Far"),
        [
            'spec.trafficDistribution: Unsupported value: "Far": '
            'supported values: "PreferClose", "PreferSameNode", "PreferSameZone"'
        ],
    ),
]
WORKLOADS = [
    (replicated("Deployment"), []),
    (replicated("ReplicaSet", replicas=0), []),
    (
        replicated("Deployment", selector=None),
        [
            "spec.selector: Required value",
            'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`',
        ],
    ),
    (
        replicated("Deployment", selector={}),
        ["spec.selector: Invalid value: {}: empty selector is invalid for deployment"],
    ),
    (
        replicated("Deployment", selector={"matchLabels": {"app": "other"}}),
        ['spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`'],
    ),
    (
        replicated("ReplicaSet", selector={"matchExpressions": [{"key": "app", "operator": "Likes"}]}),
        ['spec.selector.matchExpressions[0].operator: Invalid value: "Likes": not a valid selector operator'],
    ),
    (replicated("ReplicaSet", replicas=-1), ["spec.replicas: Invalid value: -1: must be greater than or equal to 0"]),
    (
        replicated("Deployment", strategy={"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}),
        ["spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"],
    ),
    (
        replicated("Deployment", strategy={"type": "Sudden"}),
        ['spec.strategy: Unsupported value: {"type":"Sudden"}: supported values: "Recreate", "RollingUpdate"'],
    ),
    (
        replicated("Deployment", strategy={"rollingUpdate": {"maxUnavailable": 0, "maxSurge": "0%"}}),
        ["spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0"],
    ),
    (
        replicated("Deployment", strategy={"rollingUpdate": {"maxUnavailable": "101%"}}),
        ['spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%'],
    ),
    (
        replicated("Deployment", progressDeadlineSeconds=5, minReadySeconds=5),
        ["spec.progressDeadlineSeconds: Invalid value: 5: must be greater than minReadySeconds"],
    ),
]


def template(**spec):
    given = replicated("Deployment")
    given["spec"]["template"]["spec"].update(spec)
    return given


TEMPLATES = [
    (template(containers=[container(image="")]), ["spec.template.spec.containers[0].image: Required value"]),
    (
        template(restartPolicy="Never"),
        ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
    ),
    (
        template(activeDeadlineSeconds=5),
        ["spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported"],
    ),
]


def encoded(text):
    return base64.b64encode(text.encode()).decode()


DATA = [
    (obj("ConfigMap", data={"a.b_c-d": "x"}), []),
    (
        obj("ConfigMap", data={"a": "x"}, binaryData={"a": "eA=="}),
        ['data[a]: Invalid value: "a": duplicate of key present in binaryData'],
    ),
    (obj("ConfigMap", data={"a": "x" * 1048577}), ["[]: Too long: may not be more than 1048576 bytes"]),
    (obj("ConfigMap", data={"a": "x" * 1048576}), []),
    (
        obj("Secret", data={"a": base64.b64encode(b"x" * 1048577).decode()}),
        ["data: Too long: may not be more than 1048576 bytes"],
    ),
    (
        obj("Secret", type="kubernetes.io/tls", data={}),
        ["data[tls.crt]: Required value", "data[tls.key]: Required value"],
    ),
    (obj("Secret", type="kubernetes.io/ssh-auth"), ["data[ssh-privatekey]: Required value"]),
    (obj("Secret", type="kubernetes.io/basic-auth", stringData={"username": "u"}), []),
    (
        obj("Secret", type="kubernetes.io/basic-auth"),
        ["data[username]: Required value", "data[password]: Required value"],
    ),
    (obj("Secret", type="kubernetes.io/dockerconfigjson"), ["data[.dockerconfigjson]: Required value"]),
    (obj("Secret", type="kubernetes.io/dockerconfigjson", data={".dockerconfigjson": encoded("{}")}), []),
    (
        obj("Secret", type="kubernetes.io/dockerconfigjson", data={".dockerconfigjson": encoded("no")}),
        ['data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": must be valid JSON'],
    ),
    (
        obj("Secret", type="kubernetes.io/service-account-token"),
        ["metadata.annotations[kubernetes.io/service-account.name]: Required value"],
    ),
]


def endpoint(**fields):
    return obj("EndpointSlice", addressType="IPv4", endpoints=[{"addresses": ["10.0.0.1"], **fields}], ports=[])


NETWORK = [
    (endpoint(), []),
    (endpoint(addresses=[]), ["endpoints[0].addresses: Required value: must contain at least 1 address"]),
    (endpoint(addresses=["::1"]), ['endpoints[0].addresses[0]: Invalid value: "::1": must be an IPv4 address']),
    (
        endpoint(addresses=["127.0.0.1"]),
        [
            'endpoints[0].addresses[0]: Invalid value: "127.0.0.1": '
            "may not be in the loopback range (127.0.0.0/8, ::1/128)"
        ],
    ),
    (
        obj("EndpointSlice", addressType="IPv4", endpoints=[{"addresses": ["10.0.0.1"]}] * 1001),
        ["endpoints: Too many: 1001: must have at most 1000 items"],
    ),
    (
        obj("EndpointSlice", addressType="DNS", endpoints=[]),
        ['addressType: Unsupported value: "DNS": supported values: "FQDN", "IPv4", "IPv6"'],
    ),
    (
        obj("EndpointSlice", addressType="IPv4", endpoints=[], ports=[{"port": 1}, {"port": 2}]),
        ['ports[1].name: Duplicate value: ""'],
    ),
    (
        obj("Endpoints", subsets=[{"ports": [{"port": 80}]}]),
        ["subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`"],
    ),
    (obj("Node", spec={"taints": [{"key": "a", "effect": "NoSchedule"}, {"key": "a", "effect": "NoExecute"}]}), []),
    (
        obj("Node", spec={"taints": [{"key": "a", "effect": "NoSchedule"}] * 2}),
        [
            'metadata.taints[1]: Duplicate value: {"key":"a","effect":"NoSchedule"}: '
            "taints must be unique by key and effect pair"
        ],
    ),
    (
        obj("Node", spec={"podCIDR": "10.244.0.0"}),
        [
            'spec.podCIDRs[0]: Invalid value: "10.244.0.0": '
            "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
        ],
    ),
    (
        obj("Lease", spec={"leaseDurationSeconds": 0, "leaseTransitions": -1}),
        [
            "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0",
            "spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0",
        ],
    ),
    (obj("Event", involvedObject={"namespace": "default"}), []),
    (obj("Event", involvedObject={"kind": "Node"}), []),
    (
        obj("Event", involvedObject={"namespace": "other"}),
        ['involvedObject.namespace: Invalid value: "other": does not match event.namespace'],
    ),
    (obj("Binding", target={"kind": "Node"}), ["target.name: Required value"]),
]


@pytest.mark.parametrize(("given", "problems"), [*METADATA, *SERVICES, *WORKLOADS, *TEMPLATES, *DATA, *NETWORK])
def test_what_is_wrong_with_a_new_object(given, problems):
    assert wrong(given) == problems


@pytest.mark.parametrize("kind", all_kinds(), ids=lambda kind: kind.qualified)
def test_every_kind_checks_names(kind):
    if kind.name_rule == "path":
        assert any("may not contain '/'" in problem for problem in wrong(obj(kind, "no/good")))
        return
    given = obj(kind, "No_Good")
    assert any(problem.startswith('metadata.name: Invalid value: "No_Good": a') for problem in wrong(given))


def changed(old, path, value):
    new = copy.deepcopy(old)
    *parents, last = path.split(".")
    target = new
    for parent in parents:
        target = target.setdefault(parent, {})
    target[last] = value
    return new


SELECTOR = {"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "app", "operator": "Exists"}]}
ADDRESS = obj("Service", spec={"clusterIP": "10.96.0.7", "clusterIPs": ["10.96.0.7"], "ports": [{"port": 80}]})
FROZEN = "Forbidden: field is immutable when `immutable` is set"
UPDATES = [
    (meta(uid="a"), "metadata.uid", "b", ['metadata.uid: Invalid value: "b": field is immutable']),
    (
        meta(deletionTimestamp="2025-01-01T00:00:00Z", finalizers=["a/b"]),
        "metadata.finalizers",
        ["a/b", "c/d"],
        [
            "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, "
            'found new finalizers []string{"c/d"}'
        ],
    ),
    (
        replicated("Deployment"),
        "spec.selector",
        SELECTOR,
        [
            'spec.selector: Invalid value: {"matchLabels":{"app":"web"},'
            '"matchExpressions":[{"key":"app","operator":"Exists"}]}: field is immutable'
        ],
    ),
    (obj("ConfigMap", data={"a": "b"}, immutable=True), "data.a", "c", [f"data: {FROZEN}"]),
    (obj("ConfigMap", data={"a": "b"}, immutable=True), "immutable", False, [f"immutable: {FROZEN}"]),
    (obj("ConfigMap", data={"a": "b"}), "immutable", True, []),
    (obj("Secret", immutable=True), "data", {"a": "Yg=="}, [f"data: {FROZEN}"]),
    (obj("Secret"), "type", "x/y", ['type: Invalid value: "x/y": field is immutable']),
    (ADDRESS, "spec.clusterIPs", [], ["spec.clusterIPs[0]: Invalid value: []: primary clusterIP can not be unset"]),
    (
        ADDRESS,
        "spec",
        {**ADDRESS["spec"], "clusterIP": "10.96.0.8", "clusterIPs": ["10.96.0.8"]},
        ['spec.clusterIPs[0]: Invalid value: ["10.96.0.8"]: may not change once set'],
    ),
    (
        obj("Node", spec={"podCIDR": "10.244.0.0/24"}),
        "spec",
        {"podCIDR": "10.244.1.0/24"},
        ['spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid'],
    ),
]


@pytest.mark.parametrize(("old", "path", "value", "problems"), UPDATES)
def test_what_an_update_may_not_change(old, path, value, problems):
    assert wrong(changed(old, path, value), old) == problems


def test_status_counts_fit_together():
    new = filled(replicated("ReplicaSet"))
    new["status"] = {"replicas": 1, "readyReplicas": 2, "availableReplicas": 1}
    assert [str(problem) for problem in named("ReplicaSet").status_problems(new, None)] == [
        "status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas"
    ]
