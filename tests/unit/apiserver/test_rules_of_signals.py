"""What Events, EndpointSlices, Leases, flow schemas and their levels, classes, budgets' conditions and requests for
certificates must be like, as a client sees it."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.unit.apiserver.judged import Obj, after, assert_begin, causes_of, changed, created, one, told
from tests.unit.apiserver.world import World, in_world

NEWER, FLOW, CERTIFICATES = "events.k8s.io/v1", "flowcontrol.apiserver.k8s.io/v1", "certificates.k8s.io/v1"
MERGE = "application/merge-patch+json"
ABOUT = {"kind": "Pod", "name": "a", "namespace": "default"}
REPORTED: Obj = {
    "eventTime": "2026-01-01T00:00:00.000000Z",
    "reportingController": "example.com/c",
    "reportingInstance": "c-1",
    "action": "Start",
    "reason": "Started",
    "type": "Normal",
    "regarding": ABOUT,
}


def event(**fields: Any) -> Obj:
    return one(NEWER, "Event", **{**REPORTED, **fields})


def slice_of(kind: str, *endpoints: Obj, **fields: Any) -> Obj:
    return one("discovery.k8s.io/v1", "EndpointSlice", addressType=kind, endpoints=list(endpoints), **fields)


def at(address: str, **fields: Any) -> Obj:
    return {"addresses": [address], **fields}


def flow(*rules: Obj, **spec: Any) -> Obj:
    given = {"priorityLevelConfiguration": {"name": "a"}, "rules": list(rules), **spec}
    return one(FLOW, "FlowSchema", spec=given)


def level(**spec: Any) -> Obj:
    return one(FLOW, "PriorityLevelConfiguration", spec=spec)


def queued(**queuing: int) -> Obj:
    return level(type="Limited", limited={"limitResponse": {"type": "Queue", "queuing": queuing}})


def lease(**spec: Any) -> Obj:
    return one("coordination.k8s.io/v1", "Lease", spec=spec)


USER = {"kind": "User", "user": {"name": "a"}}
EVERYTHING = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "clusterScope": True}
R = "spec.rules[0]"
NEW: list[tuple[Obj, list[str]]] = [
    (event(), []),
    (
        event(eventTime=None, type="Odd", deprecatedCount=1, deprecatedSource={"host": "n"}, series={"count": 1}),
        [
            'series.count: Invalid value: "": should be at least 2',
            "series.lastObservedTime: Required value",
            "eventTime: Required value",
            'type: Invalid value: "": has invalid value: Odd',
            'count: Invalid value: "": needs to be unset',
            'source: Invalid value: "": needs to be unset',
        ],
    ),
    (
        event(reportingController="a b", reportingInstance="", action="x" * 129, reason="", note="x" * 1025),
        [
            'reportingController: Invalid value: "a b": name part must consist of alphanumeric characters',
            "reportingInstance: Required value",
            'action: Invalid value: "": can have at most 128 characters',
            "reason: Required value",
            'message: Invalid value: "": can have at most 1024 characters',
        ],
    ),
    (
        one("v1", "Event", involvedObject={"kind": "Node", "name": "n", "namespace": "other"}),
        ['involvedObject.namespace: Invalid value: "other": does not match event.namespace'],
    ),
    (
        slice_of(
            "IPv4",
            at("127.0.0.1", nodeName="", hints={"forZones": [{"name": "a b"}, {"name": "b"}, {"name": "b"}]}),
            ports=[{"name": "a", "appProtocol": "-"}, {"name": "a"}],
        ),
        [
            'ports[0].appProtocol: Invalid value: "-": name part must consist of alphanumeric characters',
            'ports[1].name: Duplicate value: "a"',
            'endpoints[0].addresses[0]: Invalid value: "127.0.0.1": may not be in the loopback range',
            'endpoints[0].nodeName: Invalid value: "": a lowercase RFC 1123 subdomain must consist of',
            'endpoints[0].hints.forZones[0].name: Invalid value: "a b": a valid label must be an empty string',
            'endpoints[0].hints.forZones[2].name: Duplicate value: "b"',
        ],
    ),
    (
        slice_of("FQDN", at("local"), at("a.example.com."), at("")),
        [
            'endpoints[0].addresses[0]: Invalid value: "local": should be a domain with at least two segments',
            "endpoints[2].addresses[0]: Required value",
        ],
    ),
    (lease(strategy="example.com/mine", preferredHolder="a"), []),
    (
        lease(strategy="Newest"),
        ['spec.strategy.strategy: Unsupported value: "Newest": supported values: "OldestEmulationVersion"'],
    ),
    (
        lease(preferredHolder="a"),
        ["spec.preferredHolder: Forbidden: may only be specified if `strategy` is defined"],
    ),
    (
        flow(
            {
                "subjects": [{"kind": "ServiceAccount", "serviceAccount": {"name": "A"}, "group": {"name": "g"}}],
                "resourceRules": [{"verbs": ["eat"], "namespaces": ["A"]}],
                "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["a", "/a*"]}],
            },
            matchingPrecedence=10001,
            distinguisherMethod={"type": "ByDay"},
        ),
        [
            "spec.matchingPrecedence: Invalid value: 10001: must not be greater than 10000",
            'spec.distinguisherMethod.type: Unsupported value: {"type":"ByDay"}: supported values: "ByNamespace", ',
            f'{R}.subjects[0].serviceAccount.name: Invalid value: "A": a lowercase RFC 1123 subdomain must',
            f"{R}.subjects[0].serviceAccount.namespace: Required value: must specify namespace for service account",
            f"{R}.subjects[0].group: Forbidden: group is forbidden when subject kind is not 'Group'",
            f'{R}.resourceRules[0].verbs: Unsupported value: ["eat"]: supported values: "create", ',
            f"{R}.resourceRules[0].apiGroups: Required value: resource rules must supply at least one api group",
            f"{R}.resourceRules[0].resources: Required value: resource rules must supply at least one resource",
            f"{R}.resourceRules[0].namespaces[0]: Invalid value: \"A\": each member of this list must be '*' or a DNS-",
            f'{R}.nonResourceRules[0].nonResourceURLs[0]: Invalid value: "a": must start with slash',
            f'{R}.nonResourceRules[0].nonResourceURLs[1]: Invalid value: "/a*": wildcard can only do suffix matching',
        ],
    ),
    (flow({"subjects": [USER], "resourceRules": [EVERYTHING]}), []),
    (
        level(type="Exempt"),
        ["spec.type: Invalid value: \"Exempt\": type must be 'Exempt' if and only if name is 'exempt'"],
    ),
    (
        queued(queues=128, handSize=9),
        [
            "spec.limited.limitResponse.queuing.handSize: Invalid value: 9: required entropy bits of deckSize 128 and "
            "handSize 9 should not be greater than 60"
        ],
    ),
    (
        level(type="Limited", limited={"borrowingLimitPercent": -1, "lendablePercent": 101, "limitResponse": {}}),
        [
            "spec.limited.borrowingLimitPercent: Invalid value: -1: if specified, must be a non-negative integer",
            "spec.limited.lendablePercent: Invalid value: 101: must be between 0 and 100, inclusive",
            'spec.limited.limitResponse.type: Unsupported value: "": supported values: "Queue", "Reject"',
        ],
    ),
    (
        one(CERTIFICATES, "CertificateSigningRequest", spec={"usages": ["any", "all", "any"], "signerName": "a"}),
        [
            "spec.request: Invalid value: null: PEM block type must be CERTIFICATE REQUEST",
            'spec.usages[1]: Unsupported value: "all": supported values: "any", "cert sign"',
            'spec.usages[2]: Duplicate value: "any"',
            'spec.signerName: Invalid value: "a": must be a fully qualified domain and path of the form ',
        ],
    ),
]


@pytest.mark.parametrize(("given", "wanted"), NEW)
def test_what_they_must_be_like(given: Obj, wanted: list[str]) -> None:
    assert_begin(told(given), wanted)


VOLUMES = one("storage.k8s.io/v1", "VolumeAttributesClass", driverName="a.example.com", parameters={"a": "b"})
PRIORITY = one("scheduling.k8s.io/v1", "PriorityClass", value=1)
RUNTIME = one("node.k8s.io/v1", "RuntimeClass", handler="crun")
CHANGES: list[tuple[Obj, Obj, list[str]]] = [
    (
        VOLUMES,
        changed(VOLUMES, driverName="b c", parameters=...),
        [
            "driverName: Forbidden: updates to driverName are forbidden.",
            "parameters: Forbidden: updates to parameters are forbidden.",
            'driverName: Invalid value: "b c": ',
            "parameters: Required value: must contain at least one key/value pair",
        ],
    ),
    (
        PRIORITY,
        changed(PRIORITY, value=2_000_000_000, preemptionPolicy="Odd"),
        [
            "value: Forbidden: may not be changed in an update.",
            'preemptionPolicy: Invalid value: "Odd": field is immutable',
        ],
    ),
    (
        event(),
        event(reason="Other", note="more", series={"count": 2, "lastObservedTime": REPORTED["eventTime"]}),
        ['reason: Invalid value: "Other": field is immutable', 'message: Invalid value: "more": field is immutable'],
    ),
]


@pytest.mark.parametrize(("old", "new", "wanted"), CHANGES)
def test_what_may_change(old: Obj, new: Obj, wanted: list[str]) -> None:
    assert_begin(told(new, old), wanted)


def test_the_handler_of_a_runtime_class_stays() -> None:
    async def test(world: World) -> None:
        await created(world, RUNTIME)
        patch = {"handler": "a b"}
        answer = await world.ask("PATCH", "/apis/node.k8s.io/v1/runtimeclasses/web", patch, content_type=MERGE)
        assert causes_of(*answer) == ['handler: Invalid value: "a b": field is immutable']

    in_world(test)


def test_topologies_of_old_are_dropped() -> None:
    old = slice_of("IPv4", at("10.0.0.1", deprecatedTopology={"zone": "a"}))
    new = slice_of("IPv4", at("10.0.0.2", deprecatedTopology={"zone": "a"}))
    assert after(new, old)["endpoints"] == [{"addresses": ["10.0.0.2"]}]


def test_the_conditions_of_a_budget() -> None:
    async def test(world: World) -> None:
        await created(world, one("policy/v1", "PodDisruptionBudget", spec={"minAvailable": 1}))
        conditions = [{"type": "A b", "status": "Maybe", "reason": "-"}]
        patch = {"status": {"conditions": conditions, "expectedPods": -1, "disruptionsAllowed": -1}}
        target = "/apis/policy/v1/namespaces/default/poddisruptionbudgets/web/status"
        assert_begin(
            causes_of(*await world.ask("PATCH", target, patch, content_type=MERGE)),
            [
                'status.conditions[0].type: Invalid value: "A b": name part must consist of',
                'status.conditions[0].status: Unsupported value: "Maybe": supported values: "False", "True", "Unknown"',
                "status.conditions[0].lastTransitionTime: Required value: must be set",
                'status.conditions[0].reason: Invalid value: "-": a condition reason must start with alphabetic',
                "status.disruptionsAllowed: Invalid value: -1: must be greater than or equal to 0",
                "status.expectedPods: Invalid value: -1: must be greater than or equal to 0",
            ],
        )

    in_world(test)


def request() -> Obj:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519

    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a")])
    signed = x509.CertificateSigningRequestBuilder().subject_name(name).sign(ed25519.Ed25519PrivateKey.generate(), None)
    text = base64.b64encode(signed.public_bytes(serialization.Encoding.PEM)).decode()
    spec = {"request": text, "usages": ["client auth"], "signerName": "example.com/signer"}
    return one(CERTIFICATES, "CertificateSigningRequest", spec=spec)


def test_who_issues_a_certificate_does_not_approve_of_it() -> None:
    target = f"/apis/{CERTIFICATES}/certificatesigningrequests/web"

    async def causes(world: World, subresource: str, **status: Any) -> list[str]:
        answer = await world.ask("PATCH", f"{target}/{subresource}", {"status": status}, content_type=MERGE)
        return causes_of(*answer)

    def condition(kind: str, status: str = "True", **fields: str) -> Obj:
        return {"type": kind, "status": status, **fields}

    async def test(world: World) -> None:
        await created(world, request())
        assert await causes(world, "status", conditions=[condition("Approved")]) == [
            'status.conditions: Forbidden: updates may not add a condition of type "Approved"'
        ]
        assert await causes(world, "approval", conditions=[condition("Approved"), condition("Denied", "False")]) == [
            'status.conditions[1].status: Unsupported value: "False": supported values: "True"',
            'status.conditions[1].type: Invalid value: "Denied": Approved and Denied conditions are mutually exclusive',
        ]
        assert await causes(world, "approval", conditions=[condition("Approved", reason="Mine")]) == []
        assert await causes(world, "approval", conditions=[]) == [
            'status.conditions: Forbidden: updates may not remove a condition of type "Approved"'
        ]
        other = base64.b64encode(b"-----BEGIN KEY-----\nAAAA\n-----END KEY-----\n").decode()
        assert await causes(world, "status", certificate=other) == [
            'status.certificate: Invalid value: "<certificate data>": '
            'only CERTIFICATE PEM blocks are allowed, found "KEY"'
        ]
        assert await causes(world, "status", conditions=[condition("Approved", reason="Yours")]) == []
        _, found = await world.ask("GET", target)
        assert [(one["type"], one["reason"]) for one in found["status"]["conditions"]] == [("Approved", "Mine")]

    in_world(test)
