"""Defaults: what a kind fills in, and what the server sets on create and update."""

from __future__ import annotations

import base64
import copy

import pytest

from podo.api.parts.container import pull_policy
from podo.api.registry import named

from .kinddata import container, filled, kind_of, obj, pod, replicated, service


def test_a_pods_defaults():
    spec = filled(pod())["spec"]
    assert spec == {
        "containers": [
            {
                "name": "web",
                "image": "nginx:1.14.2",
                "imagePullPolicy": "IfNotPresent",
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
                "resources": {},
            }
        ],
        "restartPolicy": "Always",
        "dnsPolicy": "ClusterFirst",
        "terminationGracePeriodSeconds": 30,
        "schedulerName": "default-scheduler",
        "securityContext": {},
        "enableServiceLinks": True,
    }


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("nginx", "Always"),
        ("nginx:latest", "Always"),
        ("nginx:1.14.2", "IfNotPresent"),
        ("localhost:5000/nginx", "Always"),
        ("localhost:5000/nginx:1", "IfNotPresent"),
        ("nginx@sha256:" + "0" * 64, "IfNotPresent"),
        ("", "Always"),
    ],
)
def test_the_pull_policy_follows_the_tag(image, policy):
    assert pull_policy(image) == policy


def test_a_containers_defaults():
    made = filled(
        pod(
            [
                container(
                    ports=[{"containerPort": 80}],
                    env=[{"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
                    resources={"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}},
                    livenessProbe={"httpGet": {"port": 80}},
                    readinessProbe={"grpc": {"port": 80}, "periodSeconds": 3},
                    lifecycle={"preStop": {"httpGet": {"port": 80, "scheme": "HTTPS"}}},
                )
            ]
        )
    )["spec"]["containers"][0]
    assert made["ports"] == [{"containerPort": 80, "protocol": "TCP"}]
    assert made["env"][0]["valueFrom"]["fieldRef"]["apiVersion"] == "v1"
    assert made["resources"]["requests"] == {"cpu": "500m", "memory": "1Gi"}
    numbers = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
    assert made["livenessProbe"] == {"httpGet": {"port": 80, "path": "/", "scheme": "HTTP"}, **numbers}
    assert made["readinessProbe"] == {"grpc": {"port": 80, "service": ""}, **numbers, "periodSeconds": 3}
    assert made["lifecycle"]["preStop"]["httpGet"] == {"port": 80, "path": "/", "scheme": "HTTPS"}


def test_templates_keep_their_requests_as_written():
    given = replicated("Deployment")
    given["spec"]["template"]["spec"]["containers"][0]["resources"] = {"limits": {"cpu": "1"}}
    spec = filled(given)["spec"]["template"]["spec"]
    assert spec["containers"][0]["resources"] == {"limits": {"cpu": "1"}}
    assert "enableServiceLinks" not in spec


def test_ports_on_the_hosts_network():
    spec = filled(pod([container(ports=[{"containerPort": 80}])], hostNetwork=True))["spec"]
    assert spec["containers"][0]["ports"][0]["hostPort"] == 80


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {"emptyDir": {}}),
        ({"secret": {"secretName": "s"}}, {"secret": {"secretName": "s", "defaultMode": 420}}),
        ({"configMap": {"name": "c", "defaultMode": 256}}, {"configMap": {"name": "c", "defaultMode": 256}}),
        ({"hostPath": {"path": "/x"}}, {"hostPath": {"path": "/x", "type": ""}}),
        (
            {"downwardAPI": {"items": [{"path": "p", "fieldRef": {"fieldPath": "metadata.name"}}]}},
            {
                "downwardAPI": {
                    "defaultMode": 420,
                    "items": [{"path": "p", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}],
                }
            },
        ),
        (
            {"projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}},
            {
                "projected": {
                    "defaultMode": 420,
                    "sources": [{"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}}],
                }
            },
        ),
    ],
)
def test_a_volumes_defaults(given, expected):
    assert filled(pod(volumes=[{"name": "v", **given}]))["spec"]["volumes"] == [{"name": "v", **expected}]


def test_the_old_name_of_the_service_account_follows_the_new():
    assert filled(pod(serviceAccountName="robot"))["spec"]["serviceAccount"] == "robot"
    assert filled(pod(serviceAccount="robot"))["spec"]["serviceAccountName"] == "robot"


def test_a_deployments_defaults():
    spec = filled(replicated("Deployment"))["spec"]
    assert (spec["replicas"], spec["revisionHistoryLimit"], spec["progressDeadlineSeconds"]) == (1, 10, 600)
    assert spec["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"},
    }
    assert filled(replicated("Deployment", replicas=0))["spec"]["replicas"] == 0
    assert filled(replicated("Deployment", strategy={"type": "Recreate"}))["spec"]["strategy"] == {"type": "Recreate"}
    assert filled(replicated("ReplicaSet"))["spec"]["replicas"] == 1


def test_a_services_defaults():
    spec = filled(service({"port": 80}))["spec"]
    assert spec["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": 80}]
    assert (spec["type"], spec["sessionAffinity"], spec["internalTrafficPolicy"]) == ("ClusterIP", "None", "Cluster")
    assert "externalTrafficPolicy" not in spec
    external = filled(service(type="LoadBalancer", sessionAffinity="ClientIP"))["spec"]
    assert external["externalTrafficPolicy"] == "Cluster"
    assert external["allocateLoadBalancerNodePorts"] is True
    assert external["sessionAffinityConfig"] == {"clientIP": {"timeoutSeconds": 10800}}


@pytest.mark.parametrize("kind", ["Pod", "Deployment", "ReplicaSet", "Service", "Secret", "Namespace", "Node"])
def test_defaults_are_filled_in_once(kind):
    given = {
        "Pod": pod([container(livenessProbe={"httpGet": {"port": 1}})], volumes=[{"name": "v"}]),
        "Service": service(type="LoadBalancer"),
        "Secret": obj("Secret", stringData={"a": "b"}),
    }.get(kind) or (replicated(kind) if kind in ("Deployment", "ReplicaSet") else obj(kind))
    once = filled(given)
    assert filled(once) == once


def test_stringdata_is_merged_into_data_and_wins():
    secret = filled(obj("Secret", data={"a": "b2xk", "b": "Yg=="}, stringData={"a": "new ü"}))
    assert base64.b64decode(secret["data"]["a"]).decode() == "new ü"
    assert secret["data"]["b"] == "Yg=="
    assert "stringData" not in secret
    assert secret["type"] == "Opaque"


def test_what_the_server_sets_on_a_new_pod():
    made = filled(pod([container(resources={"limits": {"cpu": "1", "memory": "1Gi"}})], restartPolicy="Never"))
    made["status"] = {"phase": "Running", "podIP": "1.2.3.4"}
    kind_of(made).prepare(made, None)
    assert made["status"] == {"phase": "Pending", "qosClass": "Guaranteed"}


def test_a_namespace_keeps_its_finalizer():
    namespace = filled(obj("Namespace", "team"))
    kind = named("Namespace")
    kind.prepare(namespace, None)
    assert namespace["metadata"]["labels"] == {"kubernetes.io/metadata.name": "team"}
    assert namespace["spec"] == {"finalizers": ["kubernetes"]}
    assert namespace["status"] == {"phase": "Active"}
    changed = copy.deepcopy(namespace)
    changed["spec"] = {"finalizers": []}
    kind.prepare(changed, namespace)
    assert changed["spec"] == {"finalizers": ["kubernetes"]}


def stored_service(**spec):
    made = filled(service({"port": 80, "nodePort": 30080}, clusterIP="10.96.0.7", type="NodePort", **spec))
    kind_of(made).prepare(made, None)
    return made


def updated(old, new):
    made = filled(new)
    kind_of(made).prepare(made, old)
    return made["spec"]


def test_a_service_that_becomes_internal_loses_its_node_ports():
    old = stored_service()
    new = copy.deepcopy(old)
    new["spec"]["type"] = "ClusterIP"
    spec = updated(old, new)
    assert "nodePort" not in spec["ports"][0]
    assert "externalTrafficPolicy" not in spec
    assert spec["clusterIP"] == "10.96.0.7"


def test_a_service_that_becomes_a_name_loses_its_address():
    old = stored_service()
    new = copy.deepcopy(old)
    new["spec"].update(type="ExternalName", externalName="example.com")
    spec = updated(old, new)
    assert not {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"} & spec.keys()


def test_headless_services_without_selector_have_all_families():
    made = filled(service(clusterIP="None"))
    del made["spec"]["selector"]
    kind_of(made).prepare(made, None)
    assert made["spec"]["ipFamilies"] == ["IPv4", "IPv6"]
    assert made["spec"]["ipFamilyPolicy"] == "RequireDualStack"


def test_a_nodes_defaults():
    node = filled(obj("Node", "n1", spec={"podCIDR": "10.244.0.0/24"}, status={"capacity": {"cpu": "2"}}))
    assert node["spec"]["podCIDRs"] == ["10.244.0.0/24"]
    assert node["status"]["allocatable"] == {"cpu": "2"}


def test_endpoint_ports_are_tcp():
    endpoints = filled(obj("Endpoints", subsets=[{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 80}]}]))
    assert endpoints["subsets"][0]["ports"] == [{"port": 80, "protocol": "TCP"}]
    piece = filled(obj("EndpointSlice", addressType="IPv4", endpoints=[], ports=[{"port": 80}]))
    assert piece["ports"] == [{"name": "", "port": 80, "protocol": "TCP"}]
