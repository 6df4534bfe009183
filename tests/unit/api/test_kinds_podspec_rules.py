"""What is wrong with a pod's spec, rule by rule: (manifest, problems) pairs in upstream's words, paths and order."""

from __future__ import annotations

from typing import Any

import pytest

from .kinddata import Obj, container, filled, pod, replicated, wrong

C = "spec.containers[0]"
Row = tuple[Obj, list[str]]


def one(**fields: Any) -> Obj:
    return pod([container(**fields)])


def source(**fields: Any) -> Obj:
    return one(env=[{"name": "A", "valueFrom": fields}])


def mounted(mount: Obj, **volume: Any) -> Obj:
    return pod([container(volumeMounts=[{"name": "v", "mountPath": "/v", **mount}])], volumes=[{"name": "v", **volume}])


def device(*devices: Obj, **volume: Any) -> Obj:
    return pod([container(volumeDevices=list(devices))], volumes=[{"name": "v", **volume}])


def asks(**resources: Any) -> Obj:
    return one(resources=resources)


def spread(*constraints: Obj, **metadata: Any) -> Obj:
    whole = [
        {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", **each} for each in constraints
    ]
    return pod(topologySpreadConstraints=whole)


V = f"{C}.env[0].valueFrom"
ENVIRONMENT: list[Row] = [
    (source(fieldRef={"fieldPath": "metadata.annotations['Example.com/A']"}), []),
    (
        source(fieldRef={"fieldPath": "spec.replicas"}),
        [
            f'{V}.fieldRef.fieldPath: Invalid value: "spec.replicas": error converting fieldPath: '
            "field label not supported: spec.replicas"
        ],
    ),
    (
        source(fieldRef={"fieldPath": "metadata.labels"}),
        [
            f'{V}.fieldRef.fieldPath: Unsupported value: "metadata.labels": supported values: "metadata.name", '
            '"metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", '
            '"status.hostIPs", "status.podIP", "status.podIPs"'
        ],
    ),
    (
        source(resourceFieldRef={"resource": "limits.cpu", "divisor": "2"}),
        [
            f'{V}.resourceFieldRef.divisor: Invalid value: "limits.cpu": '
            "only divisor's values 1m and 1 are supported with the cpu resource"
        ],
    ),
    (source(resourceFieldRef={"resource": "requests.memory", "divisor": "1Ki"}), []),
    (source(resourceFieldRef={}), [f"{V}.resourceFieldRef.resource: Required value"]),
    (
        source(fileKeyRef={"key": "A", "volumeName": "gone", "path": "../x"}),
        [
            f"{V}.fileKeyRef.path: Invalid value: \"../x\": must not contain '..'",
            f'{V}.fileKeyRef.volumeName: Not found: "gone"',
        ],
    ),
    (
        source(fileKeyRef={}),
        [
            *(f"{V}.fileKeyRef.{field}: Required value" for field in ("key", "volumeName", "path")),
            f'{V}.fileKeyRef.volumeName: Not found: ""',
        ],
    ),
]
M = f"{C}.volumeMounts"
MOUNTS: list[Row] = [
    (mounted({}, emptyDir={}), []),
    (mounted({}, hostPath={}), ["spec.volumes[0].hostPath.path: Required value", f'{M}[0].name: Not found: "v"']),
    (
        mounted({"recursiveReadOnly": "Enabled", "mountPropagation": "HostToContainer"}, emptyDir={}),
        [
            f"{M}.recursiveReadOnly: Forbidden: may only be specified when readOnly is true",
            f"{M}.recursiveReadOnly: Forbidden: may only be specified when mountPropagation is None or not specified",
        ],
    ),
    (
        mounted({"mountPropagation": "Bidirectional"}, emptyDir={}),
        [
            f"{M}.mountPropagation: Forbidden: "
            "Bidirectional mount propagation is available only to privileged containers"
        ],
    ),
    (device({"name": "v", "devicePath": "/dev/x"}, persistentVolumeClaim={"claimName": "c"}), []),
    (
        device({"name": "v", "devicePath": "/dev/x"}, {"name": "v", "devicePath": "/../x"}, emptyDir={}),
        [
            *(
                f'{C}.volumeDevices[{at}].name: Invalid value: "v": {why}'
                for at, why in (
                    (0, "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"),
                    (1, "must be unique"),
                    (1, "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"),
                )
            ),
            f"{C}.volumeDevices[1].devicePath: Invalid value: \"/../x\": can not contain backsteps ('..')",
        ],
    ),
]
RESOURCES: list[Row] = [
    (
        asks(requests={"requests.example.com/gpu": "1"}, limits={"requests.example.com/gpu": "1"}),
        [
            f'{C}.resources.{part}[requests.example.com/gpu]: Invalid value: "requests.example.com/gpu": '
            "doesn't follow extended resource name standard"
            for part in ("limits", "requests")
        ],
    ),
    (
        asks(limits={"hugepages-2Mi": "3Mi"}),
        [
            *(
                f'{C}.resources.{part}[hugepages-2Mi]: Invalid value: "3Mi": '
                "3Mi is not positive integer multiple of hugepages-2Mi"
                for part in ("limits", "requests")
            ),
            f"{C}.resources: Forbidden: HugePages require cpu or memory",
        ],
    ),
    (
        pod([container(resources={"claims": [{"name": "a"}, {"name": "b", "request": "r"}, {"name": "b"}]})]),
        [
            f'{C}.resources.claims[0]: Not found: "a": '
            "must be one of the names in pod.spec.resourceClaims which is empty",
            f'{C}.resources.claims[1]: Not found: "b": '
            "must be one of the names in pod.spec.resourceClaims which is empty",
            f'{C}.resources.claims[2]: Duplicate value: "b"',
            f'{C}.resources.claims[2]: Not found: "b": '
            "must be one of the names in pod.spec.resourceClaims which is empty",
        ],
    ),
    (
        pod(resourceClaims=[{"name": "a", "resourceClaimName": "c"}, {"name": "a"}]),
        [
            'spec.resourceClaims[1].name: Duplicate value: "a"',
            'spec.resourceClaims[1]: Invalid value: {"name":"a"}: '
            "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`",
        ],
    ),
    (
        pod(
            [container(resources={"requests": {"cpu": "2"}, "limits": {"cpu": "4"}})],
            resources={"limits": {"cpu": "3"}},
        ),
        ['spec.resources.containers[0][cpu].limits: Invalid value: "4": must be less than or equal to pod limits of 3'],
    ),
    (
        pod([container(resources={"requests": {"cpu": "2"}})], resources={"requests": {"cpu": "1", "storage": "1"}}),
        [
            'spec.resources.requests[storage]: Unsupported value: "storage": '
            'supported values: "cpu", "hugepages-", "memory"',
            'spec.resources.requests[cpu]: Invalid value: "1": '
            "must be greater than or equal to aggregate container requests of 2",
        ],
    ),
]
CONTAINERS: list[Row] = [
    (
        one(lifecycle={"preStop": {"sleep": {"seconds": 31}}}),
        [
            f"{C}.lifecycle.preStop.sleep: Invalid value: 31: "
            "must be non-negative and less than terminationGracePeriodSeconds (30)"
        ],
    ),
    (
        one(lifecycle={"stopSignal": "SIGUSR1"}),
        [f"{C}.lifecycle.stopSignal: Forbidden: may not be set for containers with empty `spec.os.name`"],
    ),
    (pod([container(lifecycle={"stopSignal": "SIGRTMIN+3"})], os={"name": "linux"}), []),
    (
        one(readinessProbe={"tcpSocket": {"port": 1}, "terminationGracePeriodSeconds": 0}),
        [
            f"{C}.readinessProbe.terminationGracePeriodSeconds: Invalid value: 0: {why}"
            for why in ("must be greater than 0", "must not be set for readinessProbes")
        ],
    ),
    (
        one(restartPolicyRules=[{"action": "Stop"}]),
        [
            f"{C}.restartPolicy: Required value: must specify restartPolicy when restart rules are used",
            f'{C}.restartPolicyRules[0].action: Unsupported value: "Stop": '
            'supported values: "Restart", "RestartAllContainers"',
            f"{C}.restartPolicyRules[0].exitCodes: Required value: must be specified",
        ],
    ),
    (
        one(securityContext={"procMount": "Unmasked"}),
        [f'{C}.securityContext.procMount: Invalid value: "Unmasked": `hostUsers` must be false to use `Unmasked`'],
    ),
    (
        one(securityContext={"appArmorProfile": {"type": "Localhost"}, "seccompProfile": {}}),
        [
            f"{C}.securityContext.seccompProfile.type: Required value: type is required when seccompProfile is set",
            f"{C}.securityContext.appArmorProfile.localhostProfile: Required value: "
            "must be set when AppArmor type is Localhost",
        ],
    ),
]
S = "spec.topologySpreadConstraints"
SPECS: list[Row] = [
    (
        spread({"minDomains": 0, "whenUnsatisfiable": "ScheduleAnyway", "nodeTaintsPolicy": "Maybe"}),
        [
            f"{S}[0].minDomains: Invalid value: 0: must be greater than zero",
            f"{S}[0].minDomains: Invalid value: 0: "
            "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway",
            f'{S}[0].nodeTaintsPolicy: Unsupported value: "Maybe": supported values: "Honor", "Ignore"',
        ],
    ),
    (spread({}, {}), [f'{S}[0].{{topologyKey, whenUnsatisfiable}}: Duplicate value: "{{zone, DoNotSchedule}}"']),
    (
        spread({"matchLabelKeys": ["a"]}),
        [f"{S}[0].matchLabelKeys: Forbidden: must not be specified when labelSelector is not set"],
    ),
    (
        pod(
            dnsPolicy="None", dnsConfig={"nameservers": ["10.0.0.1"], "searches": ["a_b.c.", ".", "-"], "options": [{}]}
        ),
        [
            'spec.dnsConfig.searches[2]: Invalid value: "-": a lowercase RFC 1123 subdomain must consist of lower case '
            "alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character (e.g. "
            "'example.com', regex used for validation is "
            "'_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*')",
            "spec.dnsConfig.options[0]: Required value: must not be empty",
        ],
    ),
    (
        pod(hostNetwork=True, securityContext={"sysctls": [{"name": "net/core/somaxconn", "value": "1"}]}),
        [
            'spec.securityContext.sysctls[0].name: Invalid value: "net/core/somaxconn": '
            "may not be specified when 'hostNetwork' is true"
        ],
    ),
    (
        pod(hostIPC=True, securityContext={"sysctls": [{"name": "kernel.shmmax"}, {"name": "kernel.sem_next_id"}]}),
        [
            'spec.securityContext.sysctls[0].name: Invalid value: "kernel.shmmax": '
            "may not be specified when 'hostIPC' is true"
        ],
    ),
    (
        pod(hostUsers=False, hostPID=True, hostIPC=True),
        [f"spec.{field}: Forbidden: when `hostUsers` is false" for field in ("HostPID", "HostIPC")],
    ),
    (
        pod(os={"name": "windows"}, hostPID=True, securityContext={"runAsUser": 1}),
        [
            f"spec.{field}: Forbidden: cannot be set for a windows pod"
            for field in ("hostPID", "securityContext.runAsUser")
        ],
    ),
    (pod(os={"name": "minix"}), ['spec.os: Unsupported value: "minix": supported values: "linux", "windows"']),
    (
        pod(os={"name": "linux"}, securityContext={"windowsOptions": {"runAsUserName": "a\\b\\c"}}),
        [
            'spec.securityContext.windowsOptions.runAsUserName: Invalid value: "a\\\\b\\\\c": '
            "runAsUserName cannot contain more than one backslash",
            "spec.securityContext.windowsOptions: Forbidden: windows options cannot be set for a linux pod",
        ],
    ),
    (
        pod(
            tolerations=[{"key": "a", "operator": "Lt", "value": "007"}, {"key": "a", "operator": "Gt", "value": "-7"}]
        ),
        [
            'spec.tolerations[0].value: Invalid value: "007": must be a valid decimal integer in canonical form',
        ],
    ),
    (
        pod(hostnameOverride="a" * 65, setHostnameAsFQDN=True),
        [
            "spec.hostnameOverride: Forbidden: may not be specified when setHostnameAsFQDN is true",
            "spec.hostnameOverride: Too long: may not be more than 64 bytes",
        ],
    ),
    (
        pod(preemptionPolicy="Always", overhead={"cpu": "-1"}),
        [
            'spec.preemptionPolicy: Unsupported value: "Always": supported values: "PreemptLowerPriority", "Never"',
            'spec.overhead.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0',
        ],
    ),
    (
        pod(nodeName="n", schedulingGates=[{"name": "example.com/g"}], ephemeralContainers=[container("e")]),
        [
            "spec.ephemeralContainers: Forbidden: cannot be set on create",
            "spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared",
        ],
    ),
    (
        pod(volumes=[{"name": "a", "ephemeral": {"volumeClaimTemplate": {"spec": {}}}}, {"name": "b"}]),
        [],
    ),
    (
        pod(
            volumes=[
                {"name": "a", "ephemeral": {"volumeClaimTemplate": {"spec": {}}}},
                {"name": "b", "persistentVolumeClaim": {"claimName": "web-a"}},
            ]
        ),
        [
            'spec.volumes[1].persistentVolumeClaim.claimName: Invalid value: "web-a": '
            "must not reference a PVC that gets created for an ephemeral volume"
        ],
    ),
]


@pytest.mark.parametrize(("given", "problems"), [*ENVIRONMENT, *MOUNTS, *RESOURCES, *CONTAINERS, *SPECS])
def test_what_is_wrong_with_a_pods_spec(given: Obj, problems: list[str]) -> None:
    assert wrong(given) == problems


def test_problems_come_in_upstreams_order() -> None:
    given = pod(
        [container(image="", ports=[{"containerPort": 0}], imagePullPolicy="No")],
        initContainers=[container("i", image="")],
        volumes=[{"name": "V"}],
        restartPolicy="No",
        nodeName="N",
        tolerations=[{"operator": "Equal"}],
        readinessGates=[{"conditionType": "a b"}],
    )
    assert [problem.partition(":")[0] for problem in wrong(given)] == [
        "spec.volumes[0].name",
        f"{C}.image",
        f"{C}.ports[0].containerPort",
        f"{C}.imagePullPolicy",
        "spec.initContainers[0].image",
        "spec.restartPolicy",
        "spec.readinessGates[0].conditionType",
        "spec.nodeName",
        "spec.tolerations[0].operator",
    ]


def test_a_template_may_leave_to_its_pods_what_is_filled_in_there() -> None:
    made = replicated("ReplicaSet")
    spec = made["spec"]["template"]["spec"]
    spec |= {"hostNetwork": True, "containers": [container(image=" ", ports=[{"containerPort": 9100}])]}
    spec["volumes"] = [{"name": "t", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}]
    assert wrong(made) == []
    assert [problem.partition(":")[0] for problem in wrong(pod(**spec))] == [
        "spec.volumes[0].projected.sources[0].serviceAccountToken",
        f"{C}.image",
    ]
    spec["containers"][0]["ports"][0]["hostPort"] = 1
    assert wrong(made) == [
        f"spec.template.{C}.ports[0].hostPort: Invalid value: 1: must match `containerPort` when `hostNetwork` is true"
    ]


def test_annotations_and_fields_of_profiles_must_agree() -> None:
    given = one(securityContext={"seccompProfile": {"type": "Unconfined"}})
    annotations = given["metadata"]["annotations"] = {
        "container.seccomp.security.alpha.kubernetes.io/web": "runtime/default",
        "container.apparmor.security.beta.kubernetes.io/other": "mine",
        "controller.kubernetes.io/pod-deletion-cost": "1.5",
    }
    path = "metadata.annotations"
    assert wrong(given) == [
        f'{path}[controller.kubernetes.io/pod-deletion-cost]: Invalid value: "1.5": must be a 32bit integer',
        f'{path}[container.apparmor.security.beta.kubernetes.io/other]: Invalid value: "other": container not found',
        f'{path}[container.apparmor.security.beta.kubernetes.io/other]: Invalid value: "mine": '
        'invalid AppArmor profile name: "mine"',
        f"{C}.securityContext.seccompProfile.type: Forbidden: seccomp type in annotation and field must match",
    ]
    annotations.clear()
    assert wrong(given) == []


def test_a_pods_resources_are_filled_in_from_those_of_its_containers() -> None:
    asking = container(resources={"requests": {"cpu": "1"}, "limits": {"hugepages-2Mi": "4Mi", "cpu": "2"}})
    assert filled(pod([asking], resources={"limits": {"memory": "1Gi"}}))["spec"]["resources"] == {
        "limits": {"memory": "1Gi", "hugepages-2Mi": "4Mi"},
        "requests": {"cpu": "1", "memory": "1Gi", "hugepages-2Mi": "4Mi"},
    }
    assert filled(pod([asking], resources={"requests": {"memory": "1Gi"}}))["spec"]["resources"] == {
        "limits": {"hugepages-2Mi": "4Mi"},
        "requests": {"memory": "1Gi", "cpu": "1", "hugepages-2Mi": "4Mi"},
    }


GATED = filled(
    pod(
        schedulingGates=[{"name": "example.com/wait"}],
        nodeSelector={"zone": "a"},
        affinity={
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "Exists"}]}]
                }
            }
        },
    )
)


def affinity(*expressions: Obj) -> Obj:
    terms = {"nodeSelectorTerms": [{"matchExpressions": list(expressions)}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}


A, B = ({"key": key, "operator": "Exists"} for key in "ab")
TERMS = "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"


@pytest.mark.parametrize(
    ("changes", "paths"),
    [
        ({"nodeSelector": {"zone": "a", "disk": "ssd"}, "affinity": affinity(A, B)}, []),
        ({"nodeSelector": {"zone": "b"}}, ["spec.nodeSelector"]),
        ({"affinity": affinity(B)}, [f"{TERMS}[0]"]),
        ({"affinity": None}, [TERMS]),
        ({"affinity": {**affinity(A), "podAffinity": {}}}, ["spec"]),
        ({"schedulingGates": [{"name": "example.com/other"}]}, ["spec.schedulingGates[0].name"]),
        ({"hostUsers": False}, ["spec"]),
    ],
)
def test_a_gated_pod_may_ask_for_fewer_nodes_only(changes: Obj, paths: list[str]) -> None:
    new = {**GATED, "spec": {**GATED["spec"], **changes}}
    new["spec"] = {field: value for field, value in new["spec"].items() if value is not None}
    assert [problem.partition(":")[0] for problem in wrong(new, GATED)] == paths


def test_an_update_may_not_take_back_what_false_or_zero_says() -> None:
    stored = filled(pod([container(securityContext={"runAsUser": 0})], hostUsers=False, hostNetwork=False))
    assert wrong({**stored, "spec": {k: v for k, v in stored["spec"].items() if k != "hostNetwork"}}, stored) == []
    (problem,) = wrong({**stored, "spec": {k: v for k, v in stored["spec"].items() if k != "hostUsers"}}, stored)
    assert problem.startswith("spec: Forbidden: ") and '-  "hostUsers": false' in problem
    changed = filled(pod(hostUsers=False, hostNetwork=False))
    assert len(wrong(changed, stored)) == 1
