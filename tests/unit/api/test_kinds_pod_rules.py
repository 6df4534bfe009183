"""What is wrong with a pod: (manifest, problems) pairs in upstream's words, and what an update may change."""

from __future__ import annotations

import copy

import pytest

from .kinddata import container, filled, pod, wrong

LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
FIXED = (
    "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing "
    "tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)
C = "spec.containers[0]"
TERM = "spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0]"
QUALIFIED = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
    "(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)


def one(**fields):
    return pod([container(**fields)])


def source(**fields):
    return one(env=[{"name": "A", "valueFrom": fields}])


def volume(**fields):
    return pod(volumes=[{"name": "v", **fields}])


def projected(**source):
    return volume(projected={"sources": [source]})


P = "spec.volumes[0].projected.sources[0]"
CONTAINERS = [
    (pod(), []),
    (pod() | {"spec": {"containers": []}}, ["spec.containers: Required value"]),
    (one(name=""), [f"{C}.name: Required value"]),
    (one(name="Web"), [f'{C}.name: Invalid value: "Web": {LABEL}']),
    (one(image=""), [f"{C}.image: Required value"]),
    (one(image=" nginx"), [f'{C}.image: Invalid value: " nginx": must not have leading or trailing whitespace']),
    (pod([container(), container()]), ['spec.containers[1].name: Duplicate value: "web"']),
    (pod(initContainers=[container()]), ['spec.initContainers[0].name: Duplicate value: "web"']),
    (
        one(imagePullPolicy="Sometimes"),
        [f'{C}.imagePullPolicy: Unsupported value: "Sometimes": supported values: "Always", "IfNotPresent", "Never"'],
    ),
    (one(ports=[{"containerPort": 80}, {"containerPort": 53, "protocol": "UDP", "name": "dns"}]), []),
    (one(ports=[{}]), [f"{C}.ports[0].containerPort: Required value"]),
    (
        one(ports=[{"containerPort": 70000}]),
        [f"{C}.ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive"],
    ),
    (
        one(ports=[{"name": "a", "containerPort": 1}, {"name": "a", "containerPort": 2}]),
        [f'{C}.ports[1].name: Duplicate value: "a"'],
    ),
    (
        one(ports=[{"name": "a-very-long-port-name", "containerPort": 1}]),
        [f'{C}.ports[0].name: Invalid value: "a-very-long-port-name": must be no more than 15 characters'],
    ),
    (
        one(ports=[{"containerPort": 1, "protocol": "ICMP"}]),
        [f'{C}.ports[0].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"'],
    ),
    (
        one(ports=[{"containerPort": 1, "hostPort": 8080}, {"containerPort": 2, "hostPort": 8080}]),
        [f'{C}.ports[1].hostPort: Duplicate value: "TCP//8080"'],
    ),
    (
        pod([container(ports=[{"containerPort": 80, "hostPort": 81}])], hostNetwork=True),
        [f"{C}.ports[0].hostPort: Invalid value: 81: must match `containerPort` when `hostNetwork` is true"],
    ),
    (
        one(restartPolicy="Maybe"),
        [f'{C}.restartPolicy: Unsupported value: "Maybe": supported values: "Always", "Never", "OnFailure"'],
    ),
    (one(env=[{"name": "A", "value": "b"}, {"name": "a.b-c"}]), []),
    (one(env=[{"value": "b"}]), [f"{C}.env[0].name: Required value"]),
    (source(fieldRef={"fieldPath": "status.podIP"}), []),
    (source(fieldRef={"fieldPath": "metadata.labels['app']"}), []),
    (source(secretKeyRef={"name": "s"}), [f"{C}.env[0].valueFrom.secretKeyRef.key: Required value"]),
    (
        source(),
        [
            f'{C}.env[0].valueFrom: Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`, '
            "`configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
        ],
    ),
    (
        source(secretKeyRef={"name": "s", "key": "k"}, configMapKeyRef={"name": "s", "key": "k"}),
        [f'{C}.env[0].valueFrom: Invalid value: "": may not have more than one field specified at a time'],
    ),
    (
        one(env=[{"name": "A", "value": "b", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]),
        [f'{C}.env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty'],
    ),
    (one(envFrom=[{"configMapRef": {"name": "c"}, "prefix": "X_"}]), []),
    (
        one(envFrom=[{}]),
        [f'{C}.envFrom: Invalid value: "": must specify one of: `configMapRef` or `secretRef`'],
    ),
    (
        one(volumeMounts=[{"name": "gone", "mountPath": "/x"}]),
        [f'{C}.volumeMounts[0].name: Not found: "gone"'],
    ),
    (
        pod(
            [container(volumeMounts=[{"name": "v", "mountPath": "/x"}, {"name": "v", "mountPath": "/x"}])],
            volumes=[{"name": "v"}],
        ),
        [f'{C}.volumeMounts[1].mountPath: Invalid value: "/x": must be unique'],
    ),
    (
        pod([container(volumeMounts=[{"name": "v", "mountPath": "", "subPath": "../x"}])], volumes=[{"name": "v"}]),
        [
            f"{C}.volumeMounts[0].mountPath: Required value",
            f"{C}.volumeMounts.subPath: Invalid value: \"../x\": must not contain '..'",
        ],
    ),
]
RESOURCES = [
    (one(resources={"requests": {"cpu": "1"}, "limits": {"cpu": "1000m"}}), []),
    (
        one(resources={"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}),
        [f'{C}.resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1'],
    ),
    (
        one(resources={"limits": {"memory": "-1Mi"}}),
        [
            f'{C}.resources.limits[memory]: Invalid value: "-1Mi": must be greater than or equal to 0',
            f'{C}.resources.requests[memory]: Invalid value: "-1Mi": must be greater than or equal to 0',
        ],
    ),
    (
        one(resources={"requests": {"example.com/gpu": "1"}}),
        [f"{C}.resources.limits: Required value: Limit must be set for non overcommitable resources"],
    ),
    (
        one(resources={"limits": {"gpu": "1"}}),
        [
            f'{C}.resources.{part}[gpu]: Invalid value: "gpu": {why}'
            for part in ("limits", "requests")
            for why in (
                "must be a standard resource type or fully qualified",
                "must be a standard resource for containers",
            )
        ],
    ),
]
RESOURCES += [
    (
        one(resources={"requests": {"storage": "1"}}),
        [f'{C}.resources.requests[storage]: Invalid value: "storage": must be a standard resource for containers'],
    ),
    (
        one(resources={"requests": {"cpu": "1x"}}),
        [
            f'{C}.resources.requests[cpu]: Invalid value: "1x": quantities must match the regular expression '
            "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
        ],
    ),
]
PROBES = [
    (one(livenessProbe={"exec": {"command": ["true"]}}), []),
    (one(livenessProbe={}), [f"{C}.livenessProbe: Required value: must specify a handler type"]),
    (
        one(readinessProbe={"tcpSocket": {"port": 1}, "httpGet": {"port": "web"}}),
        [f"{C}.readinessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type"],
    ),
    (
        one(livenessProbe={"httpGet": {"port": 80}, "successThreshold": 2}),
        [f"{C}.livenessProbe.successThreshold: Invalid value: 2: must be 1"],
    ),
    (
        one(startupProbe={"httpGet": {"port": 0}}),
        [f"{C}.startupProbe.httpGet.port: Invalid value: 0: must be between 1 and 65535, inclusive"],
    ),
    (
        one(readinessProbe={"grpc": {"port": 1}, "initialDelaySeconds": -1}),
        [f"{C}.readinessProbe.initialDelaySeconds: Invalid value: -1: must be greater than or equal to 0"],
    ),
    (one(lifecycle={"preStop": {"sleep": {"seconds": 3}}}), []),
    (one(lifecycle={"preStop": {}}), [f"{C}.lifecycle.preStop: Required value: must specify a handler type"]),
    (
        pod(initContainers=[container("i", livenessProbe={"exec": {"command": ["x"]}})]),
        [
            "spec.initContainers[0].livenessProbe: Forbidden: "
            "may not be set for init containers without restartPolicy=Always"
        ],
    ),
    (
        pod(initContainers=[container("i", restartPolicy="Always", livenessProbe={"exec": {"command": ["x"]}})]),
        [],
    ),
]
SPECS = [
    (
        pod(restartPolicy="Perhaps"),
        ['spec.restartPolicy: Unsupported value: "Perhaps": supported values: "Always", "OnFailure", "Never"'],
    ),
    (
        pod(dnsPolicy="Mine"),
        [
            'spec.dnsPolicy: Unsupported value: "Mine": '
            'supported values: "ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"'
        ],
    ),
    (
        pod(dnsPolicy="None"),
        ["spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None"],
    ),
    (
        pod(activeDeadlineSeconds=0),
        ["spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive"],
    ),
    (
        pod(tolerations=[{"operator": "Equal", "value": "x"}]),
        [
            'spec.tolerations[0].operator: Invalid value: "Equal": operator must be Exists when `key` is empty, '
            'which means "match all values and all keys"'
        ],
    ),
    (
        pod(tolerations=[{"key": "a", "operator": "Exists", "effect": "NoSchedule", "tolerationSeconds": 3}]),
        [
            'spec.tolerations[0].effect: Invalid value: "NoSchedule": '
            "effect must be 'NoExecute' when `tolerationSeconds` is set"
        ],
    ),
    (
        pod(securityContext={"runAsUser": -1}),
        ["spec.securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive"],
    ),
    (
        pod(topologySpreadConstraints=[{"maxSkew": 0, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}]),
        ["spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero"],
    ),
    (
        pod(
            affinity={
                "nodeAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": {
                        "nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "In"}]}]
                    }
                }
            }
        ),
        [
            "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0]"
            ".matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'"
        ],
    ),
    (
        pod(affinity={"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{}]}}),
        [
            "spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: "
            "Required value: can not be empty",
            f'{TERM}.topologyKey: Invalid value: "": name part must be non-empty',
            f'{TERM}.topologyKey: Invalid value: "": name part {QUALIFIED}',
        ],
    ),
]
VOLUMES = [
    (volume(emptyDir={"sizeLimit": "1Gi"}), []),
    (volume(csi={"driver": "csi.Example.com", "volumeAttributes": {"a": "b"}}), []),
    (
        volume(csi={"driver": "a_b", "nodePublishSecretRef": {}}),
        [
            'spec.volumes[0].csi.driver: Invalid value: "a_b": a lowercase RFC 1123 subdomain must consist of lower '
            "case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. "
            "'example.com', regex used for validation is "
            "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
            "spec.volumes[0].csi.nodePublishSecretRef.name: Required value",
        ],
    ),
    (
        volume(emptyDir={"sizeLimit": "-1"}),
        ["spec.volumes[0].emptyDir.sizeLimit: Forbidden: SizeLimit field must be a valid resource quantity"],
    ),
    (
        volume(emptyDir={}, hostPath={"path": "/x"}),
        ["spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type"],
    ),
    (volume(hostPath={}), ["spec.volumes[0].hostPath.path: Required value"]),
    (
        volume(hostPath={"path": "/a/../b"}),
        ["spec.volumes[0].hostPath.path: Invalid value: \"/a/../b\": must not contain '..'"],
    ),
    (volume(secret={}), ["spec.volumes[0].secret.secretName: Required value"]),
    (volume(configMap={}), ["spec.volumes[0].configMap.name: Required value"]),
    (
        volume(secret={"secretName": "s", "defaultMode": 1024}),
        [
            "spec.volumes[0].secret.defaultMode: Invalid value: 1024: "
            "must be a number between 0 and 0777 (octal), both inclusive"
        ],
    ),
    (
        volume(configMap={"name": "c", "items": [{"path": "/abs"}]}),
        [
            "spec.volumes[0].configMap.items[0].key: Required value",
            'spec.volumes[0].configMap.items[0].path: Invalid value: "/abs": must be a relative path',
        ],
    ),
    (
        volume(persistentVolumeClaim={"claimName": ""}),
        ["spec.volumes[0].persistentVolumeClaim.claimName: Required value"],
    ),
    (
        volume(projected={"sources": [{"serviceAccountToken": {"path": "t", "expirationSeconds": 1}}]}),
        [
            "spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds: "
            "Invalid value: 1: may not specify a duration less than 10 minutes",
            "spec.volumes[0].projected.sources[0].serviceAccountToken: Forbidden: "
            "must not be specified when serviceAccountName is not set",
        ],
    ),
    (pod(volumes=[{"name": "v"}, {"name": "v"}]), ['spec.volumes[1].name: Duplicate value: "v"']),
    (projected(clusterTrustBundle={"path": "ca", "name": "example.com:pods:a"}), []),
    (projected(clusterTrustBundle={"path": "ca", "signerName": "example.com/pods", "labelSelector": {}}), []),
    (
        projected(clusterTrustBundle={"path": "ca"}),
        [f"{P}.clusterTrustBundle: Required value: either name or signerName must be specified"],
    ),
    (
        projected(clusterTrustBundle={"path": "../ca", "name": "a", "labelSelector": {}}),
        [
            f"{P}.clusterTrustBundle.labelSelector: Invalid value: {{}}: "
            "labelSelector must be unset if name is specified",
            f"{P}.clusterTrustBundle.path: Invalid value: \"../ca\": must not contain '..'",
        ],
    ),
    (projected(podCertificate={"signerName": "example.com/pods", "keyType": "ED25519", "keyPath": "key"}), []),
    (
        projected(podCertificate={"signerName": "kubernetes.io/x", "keyType": "DSA", "maxExpirationSeconds": 90000}),
        [
            f'{P}.podCertificate.keyType: Unsupported value: "DSA": supported values: "RSA3072", "RSA4096", '
            '"ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519"',
            f"{P}.podCertificate.maxExpirationSeconds: Invalid value: 90000: must be in the range [3600, 86400]",
            f"{P}.podCertificate: Required value: "
            "specify at least one of credentialBundlePath, keyPath, and certificateChainPath",
        ],
    ),
    (
        volume(projected={"sources": [{"clusterTrustBundle": {"path": "a", "name": name}} for name in ("x", "y")]}),
        ['spec.volumes[0].projected: Invalid value: "a": conflicting duplicate paths'],
    ),
    (volume(image={"reference": "registry.local/data:1"}), []),
    (volume(image={"pullPolicy": "Always"}), ["spec.volumes[0].image.reference: Required value"]),
    (
        volume(image={"reference": "a", "pullPolicy": "Often"}),
        [
            'spec.volumes[0].image.pullPolicy: Unsupported value: "Often": supported values: "Always", '
            '"IfNotPresent", "Never"'
        ],
    ),
]


@pytest.mark.parametrize(("given", "problems"), [*CONTAINERS, *RESOURCES, *PROBES, *SPECS, *VOLUMES])
def test_what_is_wrong_with_a_new_pod(given, problems):
    assert wrong(given) == problems


def test_all_problems_are_told_at_once_and_again():
    given = pod([container(name="", image="")], dnsPolicy="X")
    assert len(wrong(given)) == 3
    assert wrong(given) == wrong(given)


def first_lines(problems):
    """Without what is shown of the difference."""
    return [problem.partition("\n")[0] for problem in problems]


def change(old, **spec):
    new = copy.deepcopy(old)
    new["spec"].update(spec)
    return new


STORED = filled(pod(tolerations=[{"key": "a", "operator": "Exists"}], activeDeadlineSeconds=100))
UPDATES = [
    ({"containers": [container(image="nginx:2")]}, []),
    ({"tolerations": [{"key": "a", "operator": "Exists"}, {"key": "b", "operator": "Exists"}]}, []),
    (
        {"tolerations": []},
        ["spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds"],
    ),
    ({"activeDeadlineSeconds": 50}, []),
    (
        {"activeDeadlineSeconds": 200},
        ["spec.activeDeadlineSeconds: Invalid value: 200: must be less than or equal to previous value"],
    ),
    (
        {"activeDeadlineSeconds": None},
        ["spec.activeDeadlineSeconds: Invalid value: null: must not update from a positive integer to nil value"],
    ),
    ({"nodeName": "n1"}, [FIXED]),
    ({"nodeName": ""}, []),
    ({"terminationGracePeriodSeconds": 1}, [FIXED]),
    ({"containers": [container(args=["x"])]}, [FIXED]),
    (
        {"containers": [container(), container("b")]},
        ["spec.containers: Forbidden: pod updates may not add or remove containers"],
    ),
]


@pytest.mark.parametrize(("spec", "problems"), UPDATES)
def test_what_an_update_of_a_pod_may_change(spec, problems):
    assert first_lines(wrong(change(STORED, **spec), STORED)) == problems


def test_a_gated_pod_may_still_change_where_it_wants_to_run():
    gated = filled(pod(schedulingGates=[{"name": "example.com/wait"}]))
    assert wrong(change(gated, nodeSelector={"zone": "a"}, schedulingGates=[]), gated) == []
    assert first_lines(wrong(change(STORED, nodeSelector={"zone": "a"}), STORED)) == [FIXED]
    assert wrong(change(STORED, schedulingGates=[{"name": "x"}]), STORED) == [
        "spec.schedulingGates[0].name: Forbidden: only deletion is allowed, but found new scheduling gate 'x'"
    ]
