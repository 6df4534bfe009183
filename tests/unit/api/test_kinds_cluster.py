"""Kinds of networking, storage, scheduling, nodes, devices, autoscaling, flow control and admission: defaults, rules,
tables."""

from __future__ import annotations

import copy
import random
from pathlib import Path
from typing import Any

import pytest

from podo.api.kind import Kind
from podo.api.metadata_rules import problems_of
from podo.api.registry import all_kinds, named
from podo.values.timestamp import parse
from tests.unit.apiserver.examples import example

from .test_kinds_robust import changed, empty, overdo, paths, remove

GOLDEN = Path(__file__).parents[2] / "golden" / "columns"
CREATED = "2026-01-01T00:00:00Z"
NOW = parse(CREATED) + 125
KINDS = {kind.kind: kind for kind in all_kinds() if kind.version != "v1" or kind.group != "autoscaling"}


def make(name: str, status: Any = None, called: str = "", **fields: Any) -> dict[str, Any]:
    """The example of a kind with other fields and its defaults. ``spec`` replaces fields of the spec, None drops."""
    kind = KINDS[name]
    given = copy.deepcopy(example(kind))
    spec = fields.pop("spec", None)
    given.update(fields)
    if spec is not None:
        given["spec"] = {field: value for field, value in {**given["spec"], **spec}.items() if value is not None}
    kind.fill_in(given)
    given["metadata"]["creationTimestamp"] = CREATED
    given["metadata"]["name"] = called or given["metadata"]["name"]
    if status is not None:
        given["status"] = status
    return given


def wrong(new: dict[str, Any], old: dict[str, Any] | None = None) -> list[str]:
    return [str(problem) for problem in problems_of(KINDS[new["kind"]], new, old)]


BACKEND = {"service": {"name": "web", "port": {"number": 80}}}


def ingress(path: Any = "/", kind: str | None = "Prefix", **more: Any) -> dict[str, Any]:
    entry = {"path": path, "backend": BACKEND, **({"pathType": kind} if kind else {})}
    return make(
        "Ingress",
        spec={"defaultBackend": None, "rules": [{"host": "a.example.com", "http": {"paths": [entry]}, **more}]},
    )


def backend(**more: Any) -> dict[str, Any]:
    return make("Ingress", spec={"defaultBackend": more})


def netpol(peer: Any = None, port: Any = None, **spec: Any) -> dict[str, Any]:
    rule = {**({"from": [peer]} if peer is not None else {}), **({"ports": [port]} if port is not None else {})}
    return make("NetworkPolicy", spec={"ingress": [rule], **spec})


def hook(**more: Any) -> dict[str, Any]:
    base = example(KINDS["ValidatingWebhookConfiguration"])["webhooks"][0]
    return make("ValidatingWebhookConfiguration", webhooks=[{**base, **more}])


def hpa(**spec: Any) -> dict[str, Any]:
    return make("HorizontalPodAutoscaler", spec=spec)


def flow(**more: Any) -> dict[str, Any]:
    rule = copy.deepcopy(example(KINDS["FlowSchema"])["spec"]["rules"][0])
    return make("FlowSchema", spec={"rules": [{**rule, **more}]})


RULES = [
    (ingress(), []),
    (ingress("/a//b"), ["spec.rules[0].http.paths[0].path: Invalid value: \"/a//b\": must not contain '//'"]),
    (ingress("a"), ['spec.rules[0].http.paths[0].path: Invalid value: "a": must be an absolute path']),
    (ingress("", "ImplementationSpecific"), []),
    (ingress(kind=None), ["spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified"]),
    (
        ingress(kind="Regex"),
        [
            'spec.rules[0].http.paths[0].pathType: Unsupported value: "Regex": supported values: "Exact", '
            '"ImplementationSpecific", "Prefix"'
        ],
    ),
    (
        ingress(host="10.0.0.1"),
        ['spec.rules[0].host: Invalid value: "10.0.0.1": must be a DNS name, not an IP address'],
    ),
    (ingress(host="*.example.com"), []),
    (
        make("Ingress", spec={"defaultBackend": None}),
        ["spec: Invalid value: []: either `defaultBackend` or `rules` must be specified"],
    ),
    (backend(), ['spec.defaultBackend: Invalid value: "": resource or service backend is required']),
    (
        backend(service={"name": "web", "port": {"name": "http", "number": 80}}),
        ['spec.defaultBackend: Invalid value: "": cannot set both port name & port number'],
    ),
    (
        backend(**BACKEND, resource={"kind": "Bucket", "name": "b"}),
        ['spec.defaultBackend: Invalid value: "": cannot set both resource and service backends'],
    ),
    (make("IngressClass", spec={"controller": ""}), ["spec.controller: Required value"]),
    (
        make("IngressClass", spec={"controller": "plain"}),
        ['spec.controller: Invalid value: "plain": must be a domain-prefixed path (such as "acme.io/foo")'],
    ),
    (
        make("IngressClass", spec={"parameters": {"kind": "P", "name": "p", "scope": "Namespace"}}),
        ["spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'"],
    ),
    (netpol({}), ["spec.ingress[0].from[0]: Required value: must specify a peer"]),
    (
        netpol({"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}}),
        ["spec.ingress[0].from[0]: Forbidden: may not specify both ipBlock and another peer"],
    ),
    (
        netpol({"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.0.0.0/8"]}}),
        ['spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: "10.0.0.0/8": must be a strict subset of `cidr`'],
    ),
    (netpol({"ipBlock": {"cidr": ""}}), ["spec.ingress[0].from[0].ipBlock.cidr: Required value"]),
    (
        netpol(port={"port": 80, "endPort": 79}),
        ["spec.ingress[0].ports[0].endPort: Invalid value: 79: must be greater than or equal to `port`"],
    ),
    (
        netpol(port={"port": "http", "endPort": 79}),
        ["spec.ingress[0].ports[0].endPort: Invalid value: 79: may not be specified when `port` is non-numeric"],
    ),
    (
        netpol(policyTypes=["Sideways"]),
        ['spec.policyTypes[0]: Unsupported value: "Sideways": supported values: "Ingress", "Egress"'],
    ),
    (
        make("IPAddress", called="010.0.0.1"),
        ['metadata.name: Invalid value: "010.0.0.1": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
    ),
    (
        make("IPAddress", called="2001:0db8::1"),
        ['metadata.name: Invalid value: "2001:0db8::1": must be in canonical form ("2001:db8::1")'],
    ),
    (make("IPAddress", spec={"parentRef": None}), ["spec.parentRef: Required value"]),
    (make("ServiceCIDR", spec={"cidrs": []}), ["spec.cidrs: Required value: at least one CIDR required"]),
    (
        make("ServiceCIDR", spec={"cidrs": ["10.1.0.0/24", "10.2.0.0/24"]}),
        [
            'spec.cidrs: Invalid value: ["10.1.0.0/24","10.2.0.0/24"]: may specify no more than one IP for each IP '
            "family, i.e 192.168.0.0/24 and 2001:db8::/64"
        ],
    ),
    (make("ServiceCIDR", spec={"cidrs": ["10.1.0.0/24", "2001:db8::/64"]}), []),
    (
        make("RuntimeClass", handler="crun", overhead={"podFixed": {"cpu": "x"}}),
        [
            'overhead.limits[cpu]: Invalid value: "x": quantities must match the regular expression '
            "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
        ],
    ),
    (
        make("PriorityClass", preemptionPolicy="Always"),
        ['preemptionPolicy: Unsupported value: "Always": supported values: "PreemptLowerPriority", "Never"'],
    ),
    (
        make("CSIDriver", spec={"tokenRequests": [{"audience": "a", "expirationSeconds": 1}, {"audience": "a"}]}),
        [
            "spec.tokenRequests[0].expirationSeconds: Invalid value: 1: "
            "may not specify a duration less than 10 minutes",
            'spec.tokenRequests[1].audience: Duplicate value: "a"',
        ],
    ),
    (make("CSINode", spec={"drivers": [{"name": "a.b", "nodeID": ""}]}), ["spec.drivers[0].nodeID: Required value"]),
    (
        make("VolumeAttachment", spec={"source": {}}),
        ["spec.source: Required value: must specify exactly one of inlineVolumeSpec and persistentVolumeName"],
    ),
    (
        make("VolumeAttributesClass", parameters={}),
        ["parameters: Required value: must contain at least one key/value pair"],
    ),
    (
        hpa(maxReplicas=0),
        [
            "spec.maxReplicas: Invalid value: 0: must be greater than 0",
            "spec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`",
        ],
    ),
    (hpa(minReplicas=0), ["spec.minReplicas: Invalid value: 0: must be greater than or equal to 1"]),
    (
        hpa(metrics=[{"type": "Pods"}]),
        [
            "spec.metrics[0].pods: Required value: must populate information for the given metric source",
        ],
    ),
    (
        hpa(behavior={"scaleUp": {"policies": [{"type": "Pods", "value": 0, "periodSeconds": 1}]}}),
        ["spec.behavior.scaleUp.policies[0].value: Invalid value: 0: must be greater than zero"],
    ),
    (
        make("ResourceClaim", spec={"devices": {"requests": [{"name": "gpu"}]}}),
        ["spec.devices.requests[0]: Required value: exactly one of `exactly` or `firstAvailable` is required"],
    ),
    (
        make("ResourceSlice", spec={"allNodes": True}),
        [
            'spec: Invalid value: "{`nodeName`, `allNodes`}": exactly one of `nodeName`, `nodeSelector`, `allNodes`, '
            "`perDeviceNodeSelection` is required, but multiple fields are set"
        ],
    ),
    (
        make("DeviceClass", spec={"selectors": [{"cel": {"expression": ""}}]}),
        ["spec.selectors[0].cel.expression: Required value"],
    ),
    (
        hook(name="short", sideEffects="Some"),
        [
            'webhooks[0].name: Invalid value: "short": should be a domain with at least three segments '
            "separated by dots",
            'webhooks[0].sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"',
        ],
    ),
    (
        hook(clientConfig={"url": "http://hooks.example.com/"}),
        [
            "webhooks[0].clientConfig.url: Invalid value: \"http\": 'https' is the only allowed URL scheme; desired "
            "format: https://host[/path]"
        ],
    ),
    (hook(clientConfig={}), ["webhooks[0].clientConfig: Required value: exactly one of url or service is required"]),
    (
        hook(timeoutSeconds=31),
        ["webhooks[0].timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds"],
    ),
    (
        make("ValidatingAdmissionPolicy", spec={"validations": [{"expression": " "}]}),
        ["spec.validations[0].expression: Required value: expression is not specified"],
    ),
    (
        make("MutatingAdmissionPolicy", spec={"mutations": []}),
        ["spec.mutations: Required value: mutations must contain at least one item"],
    ),
    (
        make("ValidatingAdmissionPolicyBinding", spec={"validationActions": ["Deny", "Warn"]}),
        [
            'spec.validationActions: Invalid value: ["Deny","Warn"]: must not contain both Deny and Warn (repeating '
            "the same validation failure information in the API response and headers serves no purpose)"
        ],
    ),
    (flow(subjects=[]), ["spec.rules[0].subjects: Required value: subjects must contain at least one value"]),
    (
        make("PriorityLevelConfiguration", spec={"limited": None}),
        ["spec.limited: Required value: must not be empty when type is Limited"],
    ),
]
UPDATES = [
    ("IngressClass", {"spec": {"controller": "example.com/other"}}, "spec.controller: ", "field is immutable"),
    ("IPAddress", {"spec": {"parentRef": {"resource": "x", "name": "y"}}}, "spec.parentRef: ", "field is immutable"),
    ("ServiceCIDR", {"spec": {"cidrs": ["10.98.0.0/24"]}}, "spec.cidrs[0]: ", "field is immutable"),
    ("RuntimeClass", {"handler": "other"}, "handler: ", "field is immutable"),
    ("PriorityClass", {"value": 5}, "value: ", "Forbidden: may not be changed in an update."),
    ("PriorityClass", {"preemptionPolicy": "Never"}, "preemptionPolicy: ", "field is immutable"),
    ("CSIDriver", {"spec": {"attachRequired": False}}, "spec.attachedRequired: ", "field is immutable"),
    ("CSINode", {"spec": {"drivers": [{"name": "csi.example.com", "nodeID": "x"}]}}, "spec.drivers", "immutable"),
    ("CSIStorageCapacity", {"storageClassName": "slow"}, "storageClassName: ", "field is immutable"),
    ("VolumeAttachment", {"spec": {"nodeName": "n2"}}, "spec: ", "field is immutable"),
    ("VolumeAttributesClass", {"driverName": "x.y"}, "driverName: ", "updates to driverName are forbidden."),
    ("ResourceClaim", {"spec": {"devices": {}}}, "spec: ", "field is immutable"),
    ("ResourceClaimTemplate", {"spec": {"spec": {}}}, "spec: ", "field is immutable"),
    ("ResourceSlice", {"spec": {"driver": "other.example.com"}}, "spec.driver: ", "field is immutable"),
]


@pytest.mark.parametrize(
    ("given", "expected"), RULES, ids=lambda value: value["kind"] if isinstance(value, dict) else ""
)
def test_what_is_wrong(given: dict[str, Any], expected: list[str]) -> None:
    assert wrong(given) == expected


@pytest.mark.parametrize(("name", "change", "path", "why"), UPDATES)
def test_what_an_update_may_not_change(name: str, change: dict[str, Any], path: str, why: str) -> None:
    old = make(name)
    (found,) = wrong(make(name, **copy.deepcopy(change)), old)
    assert found.startswith(path) and found.endswith(why)
    assert wrong(copy.deepcopy(old), old) == []


def test_a_service_cidr_may_get_a_second_family() -> None:
    old = make("ServiceCIDR", spec={"cidrs": ["10.1.0.0/24"]})
    assert wrong(make("ServiceCIDR", spec={"cidrs": ["10.1.0.0/24", "2001:db8::/64"]}), old) == []


DEFAULTS = [
    ("NetworkPolicy", {"policyTypes": ["Ingress"]}),
    ("HorizontalPodAutoscaler", {"minReplicas": 1}),
    (
        "CSIDriver",
        {
            "attachRequired": True,
            "podInfoOnMount": False,
            "fsGroupPolicy": "ReadWriteOnceWithFSType",
            "storageCapacity": False,
            "requiresRepublish": False,
            "volumeLifecycleModes": ["Persistent"],
        },
    ),
    ("FlowSchema", {"matchingPrecedence": 1000}),
    ("ValidatingAdmissionPolicy", {"failurePolicy": "Fail"}),
    ("MutatingAdmissionPolicy", {"reinvocationPolicy": "Never"}),
]


@pytest.mark.parametrize(("name", "fields"), DEFAULTS)
def test_defaults(name: str, fields: dict[str, Any]) -> None:
    spec = make(name)["spec"]
    assert {field: spec[field] for field in fields} == fields


def test_more_defaults() -> None:
    assert make("NetworkPolicy", spec={"egress": [{"ports": [{"port": 1}]}]})["spec"]["policyTypes"] == [
        "Ingress",
        "Egress",
    ]
    assert netpol(port={"port": 1})["spec"]["ingress"][0]["ports"][0]["protocol"] == "TCP"
    assert (
        make("IngressClass", spec={"parameters": {"kind": "P", "name": "p"}})["spec"]["parameters"]["scope"]
        == "Cluster"
    )
    target = make("HorizontalPodAutoscaler")["spec"]["metrics"][0]["resource"]
    assert target == {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}
    down = hpa(behavior={})["spec"]["behavior"]["scaleDown"]
    assert down == {"selectPolicy": "Max", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]}
    asked = make("ResourceClaim")["spec"]["devices"]["requests"][0]["exactly"]
    assert (asked["allocationMode"], asked["count"]) == ("ExactCount", 1)
    webhook = hook(clientConfig={"service": {"name": "s", "namespace": "n"}})["webhooks"][0]
    assert (webhook["failurePolicy"], webhook["timeoutSeconds"], webhook["matchPolicy"]) == ("Fail", 10, "Equivalent")
    assert webhook["clientConfig"]["service"]["port"] == 443


def test_an_autoscaler_goes_through_its_older_form_unharmed() -> None:
    older = named("autoscaling/v1/HorizontalPodAutoscaler")
    assert older.to_stored and older.from_stored
    other = {
        "type": "Pods",
        "pods": {"metric": {"name": "rps"}, "target": {"type": "AverageValue", "averageValue": "5"}},
    }
    given = hpa(metrics=[other, make("HorizontalPodAutoscaler")["spec"]["metrics"][0]], behavior={})
    given["status"] = {
        "currentReplicas": 2,
        "desiredReplicas": 3,
        "conditions": [{"type": "AbleToScale", "status": "True"}],
        "currentMetrics": [{"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 40}}}],
    }
    shown = older.from_stored(copy.deepcopy(given))
    assert shown["spec"]["targetCPUUtilizationPercentage"] == 80
    assert shown["status"]["currentCPUUtilizationPercentage"] == 40
    back = older.to_stored(shown)
    back["spec"]["metrics"].reverse()
    assert back == given


TABLES = {
    "ingresses": [
        make("Ingress", {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}, spec={"ingressClassName": "nginx"}),
        make(
            "Ingress",
            called="tls",
            spec={"tls": [{"hosts": ["a"]}], "rules": [{"host": f"{n}.example.com"} for n in "abcd"]},
        ),
    ],
    "ingressclasses": [
        make("IngressClass"),
        make("IngressClass", called="p", spec={"parameters": {"apiGroup": "k.io", "kind": "P", "name": "p"}}),
    ],
    "networkpolicies": [make("NetworkPolicy"), make("NetworkPolicy", called="all", spec={"podSelector": {}})],
    "ipaddresses": [
        make("IPAddress"),
        make("IPAddress", spec={"parentRef": {"resource": "gateways", "group": "g.io", "namespace": "a", "name": "b"}}),
    ],
    "servicecidrs": [make("ServiceCIDR")],
    "runtimeclasses": [make("RuntimeClass")],
    "priorityclasses": [make("PriorityClass"), make("PriorityClass", called="usual", globalDefault=True)],
    "csidrivers": [make("CSIDriver"), make("CSIDriver", called="t", spec={"tokenRequests": [{"audience": "a"}]})],
    "csinodes": [make("CSINode")],
    "csistoragecapacities": [
        make("CSIStorageCapacity"),
        make("CSIStorageCapacity", called="some", capacity="1Gi"),
    ],
    "volumeattachments": [make("VolumeAttachment", {"attached": True})],
    "volumeattributesclasses": [make("VolumeAttributesClass")],
    "horizontalpodautoscalers": [
        make("HorizontalPodAutoscaler"),
        hpa(
            metrics=[
                {"type": "External", "external": {"metric": {"name": "q"}, "target": {"type": "Value", "value": "5"}}}
            ]
        ),
    ],
    "deviceclasses": [make("DeviceClass")],
    "resourceclaims": [
        make("ResourceClaim"),
        make("ResourceClaim", {"allocation": {"devices": {}}, "reservedFor": [{"name": "p"}]}, called="held"),
    ],
    "resourceclaimtemplates": [make("ResourceClaimTemplate")],
    "resourceslices": [make("ResourceSlice")],
    "flowschemas": [
        make("FlowSchema"),
        make("FlowSchema", {"conditions": [{"type": "Dangling", "status": "False"}]}, called="known"),
    ],
    "prioritylevelconfigurations": [
        make("PriorityLevelConfiguration"),
        make(
            "PriorityLevelConfiguration",
            called="queues",
            spec={"limited": {"limitResponse": {"type": "Queue", "queuing": {}}}},
        ),
    ],
    "validatingwebhookconfigurations": [make("ValidatingWebhookConfiguration")],
    "mutatingwebhookconfigurations": [make("MutatingWebhookConfiguration")],
    "validatingadmissionpolicies": [
        make("ValidatingAdmissionPolicy", spec={"paramKind": {"apiVersion": "v1", "kind": "ConfigMap"}})
    ],
    "validatingadmissionpolicybindings": [
        make("ValidatingAdmissionPolicyBinding"),
        make("ValidatingAdmissionPolicyBinding", called="p", spec={"paramRef": {"namespace": "a", "name": "b"}}),
    ],
    "mutatingadmissionpolicies": [make("MutatingAdmissionPolicy")],
    "mutatingadmissionpolicybindings": [make("MutatingAdmissionPolicyBinding")],
}


def table(objects: list[dict[str, Any]]) -> str:
    """The objects as ``kubectl get -o wide`` prints them."""
    columns = KINDS[objects[0]["kind"]].columns
    rows = [[column.name.upper() for column in columns]]
    rows += [[str(column.cell(given, NOW)) for column in columns] for given in objects]
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    lines = ["   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("plural", TABLES)
def test_the_table_of_a_kind(plural: str) -> None:
    assert table(TABLES[plural]) == (GOLDEN / f"{plural}.txt").read_text()


FULL = [*(rows[0] for rows in TABLES.values()), *(given for given, _ in RULES)]


@pytest.mark.parametrize("change", [remove, empty, overdo])
@pytest.mark.parametrize("full", FULL, ids=lambda full: full["kind"])
def test_any_field_may_be_absent_empty_or_absurd(full: dict[str, Any], change: Any) -> None:
    kind: Kind = KINDS[full["kind"]]
    for path in paths(full):
        given = changed(full, path, change)
        kind.fill_in(given)
        for new, old in ((given, None), (given, full), (full, given)):
            problems_of(kind, new, old)
            list(kind.status_problems(new, old))
            kind.prepare(new, old)
        for column in kind.columns:
            column.cell(given, NOW)
        for read in kind.fields.values():
            assert isinstance(read(given), str)


def test_a_name_of_any_length_takes_no_time() -> None:
    chance = random.Random(1)
    for _ in range(50):
        text = "".join(chance.choice("a-./*") for _ in range(5000))
        assert wrong(ingress(text, "Exact", host=text)) != []
