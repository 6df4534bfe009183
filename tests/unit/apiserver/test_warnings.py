"""What clients are told beside the answer: deprecated fields, kinds and labels, and fields that do nothing."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from podo.apiserver import answers
from podo.http.message import Response
from tests.pki import Pki
from tests.unit.apiserver.world import World, in_world, pod, service, text_of

DEFAULT = "/api/v1/namespaces/default"
APPS = "/apis/apps/v1/namespaces/default"
BATCH = "/apis/batch/v1/namespaces/default"
FRACTION = 'fractional byte value "1500m" is invalid, must be an integer'
MANY = "this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended"


def told(answer: Any) -> list[str]:
    """The texts of the Warning headers."""
    assert isinstance(answer, Response)
    headers = [value for name, value in answer.headers if name == "Warning"]
    assert all(value.startswith('299 - "') and value.endswith('"') for value in headers)
    return [value[len('299 - "') : -1].replace('\\"', '"').replace("\\\\", "\\") for value in headers]


async def created(world: World, target: str, obj: dict[str, Any]) -> list[str]:
    answer = await world.answer("POST", target, obj)
    assert isinstance(answer, Response)
    assert answer.status == 201, text_of(answer)
    return told(answer)


async def patched(world: World, target: str, patch: dict[str, Any]) -> list[str]:
    answer = await world.answer("PATCH", target, patch, content_type="application/merge-patch+json")
    assert isinstance(answer, Response)
    assert answer.status == 200, text_of(answer)
    return told(answer)


def with_metadata(obj: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {**obj, "metadata": {**obj["metadata"], **metadata}}


def container(name: str = "main", **fields: Any) -> dict[str, Any]:
    return {"name": name, "image": "nginx:1.14.2", **fields}


def env(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]


def port(number: int, **fields: Any) -> dict[str, Any]:
    return {"containerPort": number, **fields}


def items(*paths: str) -> list[dict[str, str]]:
    return [{"key": f"k{index}", "path": path} for index, path in enumerate(paths)]


def term(key: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": "In", "values": list(values) or ["x"]}]}


PODS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "nothing": (pod("p", terminationGracePeriodSeconds=1), []),
    "name": (
        pod("a.b"),
        [
            "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; "
            "a DNS label is recommended: [must not contain dots]"
        ],
    ),
    "labels of nodes": (
        pod(
            "p",
            nodeSelector={"beta.kubernetes.io/arch": "amd64", "disk": "ssd"},
            affinity={
                "nodeAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": {
                        "nodeSelectorTerms": [term("failure-domain.beta.kubernetes.io/zone")]
                    },
                    "preferredDuringSchedulingIgnoredDuringExecution": [
                        {"weight": 1, "preference": term("disk", "-1")}
                    ],
                }
            },
            topologySpreadConstraints=[
                {
                    "maxSkew": 1,
                    "topologyKey": "failure-domain.beta.kubernetes.io/region",
                    "whenUnsatisfiable": "DoNotSchedule",
                }
            ],
        ),
        [
            'spec.nodeSelector[beta.kubernetes.io/arch]: deprecated since v1.14; use "kubernetes.io/arch" instead',
            "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0]."
            "matchExpressions[0].key: failure-domain.beta.kubernetes.io/zone is deprecated since v1.17; "
            'use "topology.kubernetes.io/zone" instead',
            "spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference."
            "matchExpressions[0].values[0]: -1 is invalid, a valid label must be an empty string or consist of "
            "alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. "
            "'MyValue',  or 'my_value',  or '12345', regex used for validation is "
            "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
            "spec.topologySpreadConstraints[0].topologyKey: failure-domain.beta.kubernetes.io/region is deprecated "
            'since v1.17; use "topology.kubernetes.io/region" instead',
            "spec.topologySpreadConstraints[0].labelSelector: a null labelSelector results in matching no pod",
        ],
    ),
    "annotations": (
        with_metadata(
            pod("p"),
            annotations={
                "security.alpha.kubernetes.io/sysctls": "a=1",
                "seccomp.security.alpha.kubernetes.io/pod": "runtime/default",
                "container.seccomp.security.alpha.kubernetes.io/main": "runtime/default",
                "container.apparmor.security.beta.kubernetes.io/main": "runtime/default",
            },
        ),
        [
            "metadata.annotations[container.apparmor.security.beta.kubernetes.io/main]: deprecated since v1.30; "
            'use the "appArmorProfile" field instead',
            "metadata.annotations[security.alpha.kubernetes.io/sysctls]: non-functional in v1.11+; "
            'use the "sysctls" field instead',
            "metadata.annotations[seccomp.security.alpha.kubernetes.io/pod]: non-functional in v1.27+; "
            'use the "seccompProfile" field instead',
            "metadata.annotations[container.seccomp.security.alpha.kubernetes.io/main]: non-functional in v1.27+; "
            'use the "seccompProfile" field instead',
        ],
    ),
    "volumes": (
        pod(
            "p",
            volumes=[
                {"name": "a", "gitRepo": {"repository": "x"}},
                {"name": "b", "configMap": {"name": "c", "items": items("one", "one/two")}},
                {
                    "name": "d",
                    "projected": {
                        "sources": [
                            {"serviceAccountToken": {"path": "token"}},
                            {"secret": {"name": "s", "items": items("token", "other")}},
                        ]
                    },
                },
            ],
        ),
        [
            "spec.volumes[0].gitRepo: deprecated in v1.11, and disabled by default in v1.33+",
            'volume "b" (ConfigMap "c"): overlapping paths: "one/two" with "one"',
            'volume "d" (Projected): overlapping paths: "token" (Secret "s") with "token" (ServiceAccountToken)',
        ],
    ),
    "lists": (
        pod(
            "p",
            hostAliases=[{"ip": "10.0.0.1"}, {"ip": "10.0.0.1"}, {"ip": "2001:DB8::1"}],
            imagePullSecrets=[{"name": "a"}, {"name": "a"}, {}],
        ),
        [
            'spec.hostAliases[1].ip: duplicate ip "10.0.0.1"',
            'spec.imagePullSecrets[1].name: duplicate name "a"',
            'spec.imagePullSecrets[2].name: invalid empty name ""',
            'spec.hostAliases[2].ip: IPv6 address "2001:DB8::1" should be in RFC 5952 canonical format ("2001:db8::1")',
        ],
    ),
    "containers": (
        pod(
            "p",
            containers=[
                container(
                    env=env(("A", "1"), ("B", "$(A)"), ("A", "$(A)2"), ("B", "3")),
                    ports=[port(80, name="web"), port(80, name="more", hostPort=8080)],
                    resources={"limits": {"memory": "1500m", "cpu": "0.5"}, "requests": {"memory": "1500m"}},
                ),
                container(
                    "other", ports=[port(80), port(81, name="web"), port(82, hostIP="10.0.0.1", name="x", hostPort=0)]
                ),
            ],
        ),
        [
            f"spec.containers[0].resources.limits[memory]: {FRACTION}",
            f"spec.containers[0].resources.requests[memory]: {FRACTION}",
            'spec.containers[0].env[3]: hides previous definition of "B", which may be dropped when using apply',
            "spec.containers[0].ports[1]: overlapping port definition with spec.containers[0].ports[0]",
            "spec.containers[1].ports[0]: duplicate port definition with spec.containers[0].ports[0]",
            "spec.containers[1].ports[0]: overlapping port definition with spec.containers[0].ports[1]",
            "spec.containers[1].ports[2]: hostIP set without hostPort: "
            "{Name:x HostPort:0 ContainerPort:82 Protocol:TCP HostIP:10.0.0.1}",
            'spec.containers[1].ports[1]: duplicate port name "web" with spec.containers[0].ports[0], services and '
            "probes that select ports by name will use spec.containers[0].ports[0]",
        ],
    ),
    "affinity": (
        pod(
            "p",
            affinity={
                "podAntiAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "zone"}],
                    "preferredDuringSchedulingIgnoredDuringExecution": [
                        {"weight": 1, "podAffinityTerm": {"topologyKey": "zone"}}
                    ],
                }
            },
        ),
        [
            "spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector: "
            "a null labelSelector results in matching no pod",
            "spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm."
            "labelSelector: a null labelSelector results in matching no pod",
        ],
    ),
}


@pytest.mark.parametrize("case", PODS)
def test_pods(case: str) -> None:
    async def test(world: World) -> None:
        obj, expected = PODS[case]
        assert await created(world, f"{DEFAULT}/pods", obj) == expected
        changed = {"metadata": {"labels": {"changed": "yes"}}}
        assert await patched(world, f"{DEFAULT}/pods/{obj['metadata']['name']}", changed) == []

    in_world(test)


def workload(kind: str, name: str, **spec: Any) -> dict[str, Any]:
    template = {
        "metadata": {"labels": {"app": "x"}},
        "spec": {"containers": [container()], "nodeSelector": {"beta.kubernetes.io/os": "linux"}},
    }
    selector = {"matchLabels": {"app": "x"}}
    body = {"selector": selector, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "namespace": "default"}, "spec": body}


def test_templates_of_pods_are_looked_at_when_what_is_wanted_changes() -> None:
    async def test(world: World) -> None:
        old_label = (
            'spec.template.spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" '
            "instead"
        )
        dotted = f"metadata.name: {MANY}: [must not contain dots]"
        assert await created(world, f"{APPS}/deployments", workload("Deployment", "a.b")) == [dotted, old_label]
        assert await created(world, f"{APPS}/replicasets", workload("ReplicaSet", "a.b")) == [dotted, old_label]
        assert await created(world, f"{APPS}/daemonsets", workload("DaemonSet", "a.b")) == [old_label]
        claims = [
            {
                "metadata": {"name": "c"},
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1500m"}}},
            }
        ]
        stateful = workload("StatefulSet", "s", serviceName="x", volumeClaimTemplates=claims, revisionHistoryLimit=-1)
        fraction = f"resources.requests[storage]: {FRACTION}"
        limit = (
            "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended"
        )
        assert await created(world, f"{APPS}/statefulsets", stateful) == [
            old_label,
            f"spec.volumeClaimTemplates[0].{fraction}",
            limit,
        ]
        target = f"{APPS}/deployments/a.b"
        assert await patched(world, target, {"metadata": {"labels": {"a": "b"}}}) == []
        assert await patched(world, target, {"spec": {"replicas": 2}}) == [old_label]

    in_world(test)


def test_jobs() -> None:
    async def test(world: World) -> None:
        template = {"spec": {"restartPolicy": "Never", "containers": [container(env=env(("A", "1"), ("A", "2")))]}}
        spec = {"completionMode": "Indexed", "completions": 100_001, "parallelism": 10_001, "template": template}
        hidden = 'spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply'
        much = (
            "In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, "
            "Kubernetes might not be able to track completedIndexes when a big number of indexes fail"
        )
        meta = {"name": "a", "namespace": "default"}
        job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": spec}
        assert await created(world, f"{BATCH}/jobs", job) == [f"spec: {much}", f"spec.template.{hidden}"]
        dotted = f"metadata.name: {MANY}: [must not contain dots]"
        plain = {**job, "metadata": {**meta, "name": "a.b"}, "spec": {"template": template}}
        assert await created(world, f"{BATCH}/jobs", plain) == [dotted, f"spec.template.{hidden}"]
        cron = {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "metadata": {**meta, "name": "a.b"},
            "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": spec}},
        }
        path = "spec.jobTemplate.spec"
        assert await created(world, f"{BATCH}/cronjobs", cron) == [
            dotted,
            f"{path}: {much}",
            f"{path}.template.{hidden}",
        ]

    in_world(test)


SERVICES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "nothing": (service("s"), []),
    "headless": (
        service("s", clusterIP="None", externalIPs=["192.0.2.1"], sessionAffinity="ClientIP"),
        ["spec.externalIPs is ignored for headless services", "spec.SessionAffinity is ignored for headless services"],
    ),
    "external": (
        service("s", externalIPs=["2001:DB8::1"], externalName="x.example"),
        [
            'spec.externalIPs[0]: IPv6 address "2001:DB8::1" should be in RFC 5952 canonical format ("2001:db8::1")',
            "spec.externalIPs is deprecated and may no longer be implemented in some clusters",
            'spec.externalName is ignored when spec.type is not "ExternalName"',
        ],
    ),
    "balanced": (
        service("s", type="LoadBalancer", loadBalancerSourceRanges=["10.1.2.3/8"], trafficDistribution="PreferClose"),
        [
            'spec.loadBalancerSourceRanges[0]: CIDR value "10.1.2.3/8" is ambiguous in this context (should be '
            '"10.0.0.0/8" or "10.1.2.3/32"?)',
            'spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"',
        ],
    ),
    "named": (
        service("s", type="ExternalName", externalName="x.example", externalIPs=["192.0.2.1"]),
        ['spec.externalIPs is ignored when spec.type is "ExternalName"'],
    ),
    "hinted": (
        with_metadata(service("s"), annotations={"service.kubernetes.io/topology-aware-hints": "auto"}),
        [
            "annotation service.kubernetes.io/topology-aware-hints is deprecated, please use "
            "service.kubernetes.io/topology-mode instead"
        ],
    ),
}


@pytest.mark.parametrize("case", SERVICES)
def test_services(case: str) -> None:
    async def test(world: World) -> None:
        obj, expected = SERVICES[case]
        assert await created(world, f"{DEFAULT}/services", obj) == expected

    in_world(test)


def obj_of(api_version: str, kind: str, **fields: Any) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}, **fields}


CLASS = "volume.beta.kubernetes.io/storage-class"
CLASS_TOLD = f'metadata.annotations[{CLASS}]: deprecated since v1.8; use "storageClassName" attribute instead'
ZONE = "failure-domain.beta.kubernetes.io/zone"
ZONE_TOLD = 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead'
STORAGE = "/apis/storage.k8s.io/v1"
MOUNTABLE = "kubernetes.io/enforce-mountable-secrets"
OTHERS: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "claim": (
        f"{DEFAULT}/persistentvolumeclaims",
        with_metadata(
            obj_of(
                "v1",
                "PersistentVolumeClaim",
                spec={"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "100.5"}}},
            ),
            annotations={CLASS: "x"},
        ),
        [
            CLASS_TOLD,
            'spec.resources.requests[storage]: fractional byte value "100500m" is invalid, must be an integer',
        ],
    ),
    "volume": (
        "/api/v1/persistentvolumes",
        with_metadata(
            obj_of(
                "v1",
                "PersistentVolume",
                spec={
                    "accessModes": ["ReadWriteOnce"],
                    "capacity": {"storage": "1Gi"},
                    "persistentVolumeReclaimPolicy": "Recycle",
                    "rbd": {"monitors": ["a"], "image": "b"},
                    "nodeAffinity": {"required": {"nodeSelectorTerms": [term(ZONE)]}},
                },
            ),
            annotations={CLASS: "x"},
        ),
        [
            CLASS_TOLD,
            "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended "
            "approach is to use dynamic provisioning.",
            f"spec.nodeAffinity.required.nodeSelectorTerms[0].matchExpressions[0].key: {ZONE} is {ZONE_TOLD}",
            "spec.rbd: deprecated in v1.28, non-functional in v1.31+",
        ],
    ),
    "node": (
        "/api/v1/nodes",
        obj_of("v1", "Node", spec={"externalID": "x"}),
        ["spec.externalID: this field is deprecated, and is unused by Kubernetes"],
    ),
    "account": (
        f"{DEFAULT}/serviceaccounts",
        with_metadata(obj_of("v1", "ServiceAccount"), annotations={MOUNTABLE: "true"}),
        [
            f"metadata.annotations[{MOUNTABLE}]: deprecated in v1.32+; prefer separate namespaces to isolate access "
            "to mounted secrets"
        ],
    ),
    "endpoints": (
        f"{DEFAULT}/endpoints",
        obj_of("v1", "Endpoints", subsets=[{"addresses": [{"ip": "::ffff:192.0.2.1"}]}]),
        [
            "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
            'subsets[0].addresses[0].ip: non-standard IP address "::ffff:192.0.2.1" will be considered invalid in a '
            'future Kubernetes release: use "192.0.2.1"',
        ],
    ),
    "slice": (
        "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices",
        obj_of(
            "discovery.k8s.io/v1", "EndpointSlice", addressType="FQDN", endpoints=[{"addresses": ["a.example.com"]}]
        ),
        ["spec.addressType: FQDN endpoints are deprecated"],
    ),
    "ingress": (
        "/apis/networking.k8s.io/v1/namespaces/default/ingresses",
        with_metadata(
            obj_of(
                "networking.k8s.io/v1",
                "Ingress",
                spec={"defaultBackend": {"service": {"name": "a", "port": {"number": 80}}}},
            ),
            annotations={"kubernetes.io/ingress.class": "x"},
        ),
        ["annotation \"kubernetes.io/ingress.class\" is deprecated, please use 'spec.ingressClassName' instead"],
    ),
    "policy": (
        "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies",
        obj_of(
            "networking.k8s.io/v1",
            "NetworkPolicy",
            spec={
                "podSelector": {},
                "ingress": [{"from": [{"ipBlock": {"cidr": "2001:db8:0::/48", "except": ["2001:db8::1/64"]}}]}],
            },
        ),
        [
            'spec.ingress[0].from[0].ipBlock.cidr: IPv6 CIDR value "2001:db8:0::/48" should be in RFC 5952 canonical '
            'format ("2001:db8::/48")',
            'spec.ingress[0].from[0].ipBlock.except[0]: CIDR value "2001:db8::1/64" is ambiguous in this context '
            '(should be "2001:db8::/64" or "2001:db8::1/128"?)',
        ],
    ),
    "runtime class": (
        "/apis/node.k8s.io/v1/runtimeclasses",
        obj_of("node.k8s.io/v1", "RuntimeClass", handler="x", scheduling={"nodeSelector": {ZONE: "a"}}),
        [f"scheduling.nodeSelector: {ZONE_TOLD}"],
    ),
    "storage class": (
        f"{STORAGE}/storageclasses",
        obj_of(
            "storage.k8s.io/v1",
            "StorageClass",
            provisioner="x",
            allowedTopologies=[{"matchLabelExpressions": [{"key": ZONE, "values": ["a"]}]}],
        ),
        [f"allowedTopologies[0].matchLabelExpressions[0].key: {ZONE_TOLD}"],
    ),
    "capacity": (
        f"{STORAGE}/namespaces/default/csistoragecapacities",
        obj_of(
            "storage.k8s.io/v1", "CSIStorageCapacity", storageClassName="x", nodeTopology={"matchLabels": {ZONE: "a"}}
        ),
        [f"nodeTopology.matchLabels.{ZONE}: {ZONE_TOLD}"],
    ),
    "template": (
        f"{DEFAULT}/podtemplates",
        obj_of(
            "v1",
            "PodTemplate",
            template={"spec": {"containers": [container(ports=[port(80, name="a"), port(80, name="b")])]}},
        ),
        ["template.spec.containers[0].ports[1]: duplicate port definition with template.spec.containers[0].ports[0]"],
    ),
}


@pytest.mark.parametrize("case", OTHERS)
def test_other_kinds(case: str) -> None:
    async def test(world: World) -> None:
        target, obj, expected = OTHERS[case]
        assert await created(world, target, obj) == expected

    in_world(test)


def test_status() -> None:
    async def test(world: World) -> None:
        await world.ask("POST", f"{DEFAULT}/services", service("s", type="LoadBalancer"))
        shown = 'IPv6 address "2001:DB8::1" should be in RFC 5952 canonical format ("2001:db8::1")'
        status: dict[str, Any] = {"loadBalancer": {"ingress": [{"ip": "2001:DB8::1"}]}}
        balanced = await patched(world, f"{DEFAULT}/services/s/status", {"status": status})
        assert balanced == [f"status.loadBalancer.ingress[0]: {shown}"]
        await world.ask("POST", f"{DEFAULT}/pods", pod("p"))
        status = {"podIPs": [{"ip": "2001:DB8::1"}]}
        started = await patched(world, f"{DEFAULT}/pods/p/status", {"status": status})
        assert started == [f"status.podIPs[0].ip: {shown}"]

    in_world(test)


def test_a_secret_that_no_server_could_use(tmp_path: Path) -> None:
    pki = Pki(tmp_path)
    pair = [file.read_bytes() for file in pki.issue("one")]
    other = pki.issue("other")[1].read_bytes()

    async def told_of(world: World, crt: bytes, key: bytes) -> list[str]:
        data = {"tls.crt": base64.b64encode(crt).decode(), "tls.key": base64.b64encode(key).decode()}
        metadata = {"generateName": "s"}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "kubernetes.io/tls", "data": data}
        return await created(world, f"{DEFAULT}/secrets", secret)

    async def test(world: World) -> None:
        assert await told_of(world, *pair) == []
        assert await told_of(world, pair[0], other) == ["tls: private key does not match public key"]
        assert await told_of(world, b"x", pair[1]) == ["tls: failed to find any PEM data in certificate input"]
        assert await told_of(world, pair[0], b"x") == ["tls: failed to find any PEM data in key input"]
        assert await told_of(world, pair[0], pair[0]) == [
            "tls: found a certificate rather than a key in the PEM for the private key"
        ]
        assert await told_of(world, pair[1], pair[1]) == [
            "tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may "
            "have been switched"
        ]

    in_world(test)


def definition(*formats: str) -> dict[str, Any]:
    fields = {f"f{index}": {"type": "string", "format": one} for index, one in enumerate(formats)}
    fields["count"] = {"type": "integer", "format": "int32"}
    schema = {"openAPIV3Schema": {"type": "object", "properties": fields}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"kind": "Thing", "plural": "things"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }


def test_formats_that_nothing_checks() -> None:
    async def test(world: World) -> None:
        target = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        assert await created(world, target, definition("date-time", "uuid", "k8s-short-name", "odd")) == [
            'unrecognized format "odd"'
        ]
        found = (await world.ask("GET", f"{target}/things.example.com"))[1]
        fields = found["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
        fields["more"] = {"type": "string", "format": "odder"}
        assert told(await world.answer("PUT", f"{target}/things.example.com", found)) == ['unrecognized format "odder"']

    in_world(test)


def test_kinds_that_are_deprecated_say_so_always() -> None:
    async def test(world: World) -> None:
        for target in (f"{DEFAULT}/endpoints", "/api/v1/endpoints"):
            assert told(await world.answer("GET", target)) == [
                "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"
            ]
        assert told(await world.answer("GET", "/api/v1/componentstatuses")) == [
            "v1 ComponentStatus is deprecated in v1.19+"
        ]

    in_world(test)


def test_names_of_what_admission_reads_from_files() -> None:
    async def test(world: World) -> None:
        target = "/apis/admissionregistration.k8s.io/v1"
        why = "reserved for static manifest-based configurations and cannot be managed via the API"
        warned = [f'metadata.name: names ending with ".static.k8s.io" are {why}']
        hooks = {"metadata": {"name": "a.static.k8s.io"}, "webhooks": []}
        assert await created(world, f"{target}/mutatingwebhookconfigurations", hooks) == warned
        bound = {"metadata": {"name": "a.static.k8s.io"}, "spec": {"policyName": "a"}}
        assert await created(world, f"{target}/mutatingadmissionpolicybindings", bound) == warned
        bound["metadata"] = {"name": "static.k8s.io"}
        assert await created(world, f"{target}/mutatingadmissionpolicybindings", bound) == []

    in_world(test)


def test_too_many_warnings_are_cut() -> None:
    assert len(answers.warning_headers(["a", "b", "a"])) == 2
    headers = answers.warning_headers([f"{number} " + "x" * 1000 for number in range(100)])
    assert len(headers) == 16 and all(len(value) == len('299 - ""') + 256 for _, value in headers)
    assert len(answers.warning_headers(["x" * 4096])[0][1]) > 4096


def test_each_pod_of_a_template_is_told_of_alike_but_for_its_annotations() -> None:
    async def test(world: World) -> None:
        pods = f"{DEFAULT}/pods"
        spec = {"containers": [container(ports=[port(80, hostIP="1.2.3.4")])]}
        about_port = "spec.containers[0].ports[0]: hostIP set without hostPort"
        critical = "scheduler.alpha.kubernetes.io/critical-pod"
        for number in range(3):
            plain = await created(world, pods, pod(f"plain-{number}", **spec))
            assert [text.partition(": {")[0] for text in plain] == [about_port]
            noted = with_metadata(pod(f"noted-{number}", **spec), annotations={critical: ""})
            found = await created(world, pods, noted)
            assert [text.partition("]:")[0] for text in found][:1] == [f"metadata.annotations[{critical}"]
            assert found[1:] == plain
            other = with_metadata(pod(f"other-{number}", **spec), annotations={"example.com/critical-pod": ""})
            assert await created(world, pods, other) == plain

    in_world(test)
