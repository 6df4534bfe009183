"""What ``kubectl get`` shows of each kind: whole tables against golden files, and ages and pod states one by one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podo.api.columns import human_duration, since
from podo.api.kinds.core.pod_columns import summary
from podo.api.registry import named
from podo.values.timestamp import parse

from .kinddata import container, filled, kind_of, obj, pod, replicated, service

GOLDEN = Path(__file__).parents[2] / "golden" / "columns"
CREATED = "2026-01-01T00:00:00Z"
NOW = parse(CREATED) + 125


def table(objects):
    """The objects as ``kubectl get -o wide`` prints them."""
    columns = kind_of(objects[0]).columns
    rows = [[column.name.upper() for column in columns]]
    rows += [[str(column.cell(given, NOW)) for column in columns] for given in objects]
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    lines = ["   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines) + "\n"


def born(given, status=None, **metadata):
    made = filled(given)
    made["metadata"].update({"creationTimestamp": CREATED, **metadata})
    if status is not None:
        made["status"] = status
    return made


def named_obj(name, given):
    given["metadata"]["name"] = name
    return given


def node(name, status, **spec):
    conditions = [{"type": "Ready", "status": status}] if status else []
    info = {
        "kubeletVersion": "v1.37.0",
        "osImage": "Debian GNU/Linux 12",
        "kernelVersion": "6.1.0",
        "containerRuntimeVersion": "containerd://2.1",
    }
    addresses = [{"type": "Hostname", "address": name}, {"type": "InternalIP", "address": "192.0.2.1"}]
    return born(obj("Node", name, spec=spec), {"conditions": conditions, "nodeInfo": info, "addresses": addresses})


ENDPOINT = {"addresses": ["10.0.0.1"]}
SUBSET = {"addresses": [{"ip": f"10.0.0.{n}"} for n in range(1, 6)], "ports": [{"port": 80}]}
DEPLOYED = {"replicas": 3, "readyReplicas": 2, "updatedReplicas": 3, "availableReplicas": 1}
SLICE = {"addressType": "IPv4", "ports": [{"port": 80}, {"name": "x"}], "endpoints": [ENDPOINT] * 5}
SUBJECT = {"kind": "Pod", "namespace": "default", "name": "web", "fieldPath": "spec.containers{web}"}
SEEN = {"firstTimestamp": CREATED, "lastTimestamp": "2026-01-01T00:01:00Z", "count": 4}
RUNNING = {
    "phase": "Running",
    "podIP": "10.244.0.5",
    "podIPs": [{"ip": "10.244.0.5"}],
    "conditions": [{"type": "Ready", "status": "True"}],
    "containerStatuses": [{"name": "web", "ready": True, "restartCount": 0, "state": {"running": {}}}],
}

TABLES = {
    "pods": [
        born(pod(nodeName="n1", readinessGates=[{"conditionType": "Ready"}]), RUNNING),
        born(named_obj("waiting", pod()), {"phase": "Pending"}),
    ],
    "deployments": [
        born(replicated("Deployment", replicas=3), DEPLOYED),
        born(
            named_obj(
                "new",
                replicated(
                    "Deployment",
                    selector={
                        "matchExpressions": [
                            {"key": "app", "operator": "In", "values": ["web", "db"]},
                            {"key": "old", "operator": "DoesNotExist"},
                        ]
                    },
                ),
            )
        ),
    ],
    "replicasets": [born(replicated("ReplicaSet", replicas=3), {"replicas": 3, "readyReplicas": 2})],
    "services": [
        born(service({"port": 80}, clusterIP="10.96.0.7", clusterIPs=["10.96.0.7"])),
        born(
            named_obj(
                "ports",
                service(
                    {"name": "a", "port": 80, "nodePort": 30080},
                    {"name": "b", "port": 53, "protocol": "UDP", "nodePort": 30053},
                    type="NodePort",
                    externalIPs=["192.0.2.9"],
                ),
            )
        ),
        born(named_obj("waiting", service(type="LoadBalancer"))),
        born(named_obj("balanced", service(type="LoadBalancer")), {"loadBalancer": {"ingress": [{"ip": "192.0.2.8"}]}}),
        born(obj("Service", "elsewhere", spec={"type": "ExternalName", "externalName": "example.com"})),
    ],
    "nodes": [
        node("ready", "True"),
        node("broken", "False", unschedulable=True),
        node("new", None),
        born(
            obj("Node", "bare"), {}, labels={"node-role.kubernetes.io/worker": "", "node-role.kubernetes.io/edge": ""}
        ),
    ],
    "namespaces": [born(obj("Namespace", "default"), {"phase": "Active"})],
    "endpoints": [born(obj("Endpoints", subsets=[SUBSET])), born(obj("Endpoints", "none"))],
    "endpointslices": [
        born(obj("EndpointSlice", **SLICE)),
        born(obj("EndpointSlice", "none", addressType="IPv6", endpoints=[])),
    ],
    "configmaps": [born(obj("ConfigMap", data={"a": "b"}, binaryData={"c": "ZA=="})), born(obj("ConfigMap", "none"))],
    "secrets": [born(obj("Secret", stringData={"a": "b"}))],
    "serviceaccounts": [born(obj("ServiceAccount", "default"))],
    "events": [
        born(
            obj(
                "Event",
                "e1",
                involvedObject=SUBJECT,
                type="Warning",
                reason="BackOff",
                message="again\n",
                source={"component": "kubelet", "host": "n1"},
                **SEEN,
            )
        ),
        born(
            obj(
                "Event",
                "e2",
                involvedObject={"kind": "Node"},
                type="Normal",
                reason="Up",
                message="up",
                eventTime=CREATED,
                reportingComponent="podo",
                reportingInstance="podo-1",
                series={"count": 7, "lastObservedTime": "2026-01-01T00:02:00Z"},
            )
        ),
    ],
    "leases": [born(obj("Lease", spec={"holderIdentity": "n1"}))],
}


@pytest.mark.parametrize("plural", TABLES)
def test_the_table_of_a_kind(plural):
    assert table(TABLES[plural]) == (GOLDEN / f"{plural}.txt").read_text()


def test_both_forms_of_an_event_show_the_same():
    kind = named("events.k8s.io/Event")
    for event in TABLES["events"]:
        newer = kind.from_stored(event)
        assert newer["regarding"] == event["involvedObject"]
        assert kind.to_stored(newer) == event
        assert [c.cell(newer, NOW) for c in kind.columns] == [c.cell(event, NOW) for c in named("Event").columns]


AGES = [
    (-5, "<invalid>"),
    (-1, "0s"),
    (0, "0s"),
    (119.9, "119s"),
    (120, "2m"),
    (123, "2m3s"),
    (599, "9m59s"),
    (600, "10m"),
    (10799, "179m"),
    (10800, "3h"),
    (10920, "3h2m"),
    (28800, "8h"),
    (172799, "47h"),
    (172800, "2d"),
    (176400, "2d1h"),
    (691200, "8d"),
    (63071999, "729d"),
    (63072000, "2y"),
    (63072000 + 86400 * 11, "2y11d"),
    (86400 * 365 * 8, "8y"),
]


@pytest.mark.parametrize(("seconds", "text"), AGES)
def test_ages(seconds, text):
    assert human_duration(seconds) == text


@given(st.floats(0, 86400 * 3650), st.floats(0, 86400))
def test_an_age_is_at_most_two_numbers_and_never_ahead_of_the_truth(seconds, more):
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400, "y": 86400 * 365}
    parts = human_duration(seconds).replace("s", "s ").replace("m", "m ").replace("h", "h ").replace("d", "d ")
    told = sum(int(part[:-1]) * units[part[-1]] for part in parts.replace("y", "y ").split())
    assert told <= seconds < told * 1.5 + 2
    assert len(parts.replace("y", "y ").split()) <= 2


def test_an_age_without_a_time():
    assert since(None, NOW) == since("", NOW) == since("yesterday", NOW) == "<unknown>"


def waiting(reason):
    return {"waiting": {"reason": reason}}


def ended(code=0, reason=None, **fields):
    return {"terminated": {"exitCode": code, **({"reason": reason} if reason else {}), **fields}}


def state(value, name="web", **fields):
    return {"name": name, "restartCount": 0, "state": value, **fields}


def one(value, phase="Running", **fields):
    return {"phase": phase, "containerStatuses": [state(value, **fields)]}


INIT = pod(initContainers=[container("i1"), container("i2")])
SIDECAR = pod(initContainers=[container("proxy", restartPolicy="Always")])


def inits(*states):
    return {
        "phase": "Pending",
        "initContainerStatuses": list(states),
        "containerStatuses": [state(waiting("PodInitializing"))],
    }


READY = [{"type": "Ready", "status": "True"}]
STATES = [
    (pod(), {"phase": "Pending"}, "0/1", "Pending"),
    (pod(), {"phase": "Failed", "reason": "Evicted"}, "0/1", "Evicted"),
    (
        pod(),
        {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]},
        "0/1",
        "SchedulingGated",
    ),
    (pod(), one(waiting("ContainerCreating"), "Pending"), "0/1", "ContainerCreating"),
    (pod(), one(waiting("CrashLoopBackOff")), "0/1", "CrashLoopBackOff"),
    (pod(), one({"running": {}}, ready=True), "1/1", "Running"),
    (pod(), one({"running": {}}), "0/1", "Running"),
    (pod(), one(ended(0, "Completed"), "Succeeded"), "0/1", "Completed"),
    (pod(), one(ended(1, "Error"), "Failed"), "0/1", "Error"),
    (pod(), one(ended(3)), "0/1", "ExitCode:3"),
    (pod(), one(ended(137, signal=9)), "0/1", "Signal:9"),
    (
        pod([container(), container("b")]),
        {
            "phase": "Running",
            "containerStatuses": [state(ended(0, "Completed")), state({"running": {}}, "b", ready=True)],
        },
        "1/2",
        "NotReady",
    ),
    (
        pod([container(), container("b")]),
        {
            "phase": "Running",
            "conditions": READY,
            "containerStatuses": [state(ended(0, "Completed")), state({"running": {}}, "b", ready=True)],
        },
        "1/2",
        "Running",
    ),
    (INIT, inits(state({"running": {}}, "i1"), state(waiting("PodInitializing"), "i2")), "0/1", "Init:0/2"),
    (INIT, inits(state(ended(), "i1"), state({"running": {}}, "i2")), "0/1", "Init:1/2"),
    (INIT, inits(state(waiting("CrashLoopBackOff"), "i1")), "0/1", "Init:CrashLoopBackOff"),
    (INIT, inits(state(ended(1, "Error"), "i1")), "0/1", "Init:Error"),
    (INIT, inits(state(ended(2), "i1")), "0/1", "Init:ExitCode:2"),
    (INIT, inits(state(ended(), "i1"), state(ended(), "i2")), "0/1", "PodInitializing"),
    (
        SIDECAR,
        {
            "phase": "Running",
            "initContainerStatuses": [state({"running": {}}, "proxy", started=True, ready=True)],
            "containerStatuses": [state({"running": {}}, ready=True)],
        },
        "2/2",
        "Running",
    ),
]


@pytest.mark.parametrize(("made", "status", "ready", "text"), STATES)
def test_the_status_of_a_pod(made, status, ready, text):
    found = summary(born(made, status))
    assert (f"{found.ready}/{found.total}", found.status) == (ready, text)


def test_a_deleted_pod():
    gone = {"deletionTimestamp": CREATED}
    assert summary(born(pod(), {"phase": "Running"}, **gone)).status == "Terminating"
    assert summary(born(pod(), {"phase": "Running", "reason": "NodeLost"}, **gone)).status == "Unknown"
    assert summary(born(pod(), one(ended(0, "Completed"), "Succeeded"), **gone)).status == "Completed"


def test_restarts_tell_when_the_last_one_was():
    last = {"terminated": {"exitCode": 1, "finishedAt": "2026-01-01T00:02:00Z"}}
    made = born(pod(), one({"running": {}}, restartCount=2, lastState=last))
    assert named("Pod").columns[3].cell(made, NOW) == "2 (5s ago)"
    assert named("Pod").columns[3].cell(born(pod(), one({"running": {}}, restartCount=2)), NOW) == "2"


SELECTED = [
    (TABLES["pods"][0], "spec.nodeName", "n1"),
    (TABLES["pods"][0], "spec.hostNetwork", "false"),
    (TABLES["pods"][0], "status.phase", "Running"),
    (TABLES["pods"][0], "status.podIP", "10.244.0.5"),
    (TABLES["pods"][1], "spec.nodeName", ""),
    (TABLES["nodes"][1], "spec.unschedulable", "true"),
    (TABLES["namespaces"][0], "status.phase", "Active"),
    (TABLES["secrets"][0], "type", "Opaque"),
    (TABLES["replicasets"][0], "status.replicas", "3"),
    (TABLES["events"][0], "involvedObject.name", "web"),
    (TABLES["events"][0], "source", "kubelet"),
    (TABLES["events"][1], "reportingComponent", "podo"),
    (named("events.k8s.io/Event").from_stored(TABLES["events"][0]), "regarding.kind", "Pod"),
]


@pytest.mark.parametrize(("given", "field", "value"), SELECTED)
def test_field_selectors(given, field, value):
    assert kind_of(given).fields[field](given) == value


@pytest.mark.parametrize("plural", TABLES)
def test_every_field_of_every_kind_can_be_read(plural):
    for made in TABLES[plural]:
        assert all(isinstance(read(made), str) for read in kind_of(made).fields.values())
