"""Attacks by pods and what makes them: out of the pod, past Pod Security, into what others own."""

from __future__ import annotations

from typing import Any

from tests.attacks.table import BASE, JANE, MERGE, PODS, SECRET, SECRETS, STRATEGIC, Arena, Obj, attack
from tests.unit.admission.test_access import grant, rule
from tests.unit.apiserver.world import ADMIN, pod

CONTAINERS = [{"name": "a", "image": "i"}]
ENFORCE = "pod-security.kubernetes.io/enforce"


async def level(arena: Arena, name: str) -> None:
    labels = {"metadata": {"labels": {ENFORCE: name}}}
    status, answer = await arena.world.ask("PATCH", "/api/v1/namespaces/default", labels, content_type=MERGE)
    assert status == 200, answer


def secured(**context: Any) -> list[Obj]:
    return [{"name": "a", "image": "i", "securityContext": context}]


#: What baseline forbids, one field a row of its own: the field -> a pod's spec.
BASELINE: dict[str, Obj] = {
    "a privileged container": {"containers": secured(privileged=True)},
    "a privileged init container": {"initContainers": secured(privileged=True)},
    "the host's namespaces": {"hostPID": True, "hostNetwork": True, "hostIPC": True},
    "a hostPath volume": {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]},
    "a capability of the host": {"containers": secured(capabilities={"add": ["SYS_ADMIN"]})},
    "unsafe sysctls": {"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}},
    "a host port": {"containers": [{**CONTAINERS[0], "ports": [{"containerPort": 1, "hostPort": 22}]}]},
    "probes of the host": {
        "containers": [{**CONTAINERS[0], "livenessProbe": {"tcpSocket": {"port": 22, "host": "127.0.0.1"}}}]
    },
    "windowsOptions.hostProcess of the pod": {
        "securityContext": {"windowsOptions": {"hostProcess": True}},
        "hostNetwork": True,
    },
    "windowsOptions.hostProcess of a container": {
        "containers": secured(windowsOptions={"hostProcess": True}),
        "hostNetwork": True,
    },
    "an unconfined seccomp profile": {"securityContext": {"seccompProfile": {"type": "Unconfined"}}},
    "an unconfined seccomp profile of a container": {"containers": secured(seccompProfile={"type": "Unconfined"})},
    "an unconfined AppArmor profile": {"securityContext": {"appArmorProfile": {"type": "Unconfined"}}},
    "an SELinux type of its own": {"securityContext": {"seLinuxOptions": {"type": "spc_t"}}},
    "an SELinux user or role": {"containers": secured(seLinuxOptions={"user": "root", "role": "sysadm_r"})},
    "a capability of the network": {"containers": secured(capabilities={"add": ["NET_RAW"]})},
    "all capabilities": {"containers": secured(capabilities={"add": ["ALL"]})},
    "a hook of the host's address": {
        "containers": [
            {**CONTAINERS[0], "lifecycle": {"postStart": {"httpGet": {"port": 1, "host": "169.254.169.254"}}}}
        ]
    },
}
#: What restricted forbids besides.
RESTRICTED: dict[str, Obj] = {
    "root": {"containers": secured(runAsUser=0)},
    "more privileges than its parent": {"containers": secured(allowPrivilegeEscalation=True)},
    "kept capabilities": {"containers": secured(capabilities={"drop": ["NET_RAW"]})},
    "no seccomp profile": {"containers": secured(runAsNonRoot=True, allowPrivilegeEscalation=False)},
    "a volume of the node's network": {"volumes": [{"name": "v", "nfs": {"server": "x", "path": "/"}}]},
}


def _forbidden(which: str, what: str, spec: Obj) -> None:
    @attack(f"out of a pod by {what}", f"Pod Security {which}", f"create on pods in a {which} namespace")
    async def _(arena: Arena) -> None:
        await level(arena, which)
        says = f'violates PodSecurity "{which}:latest"'
        await arena.refused("POST", PODS, pod("p", **spec), who=ADMIN, says=says)


for _what, _spec in BASELINE.items():
    _forbidden("baseline", _what, _spec)
for _what, _spec in RESTRICTED.items():
    _forbidden("restricted", _what, _spec)


@attack("a pod made weaker after it was let in", "Pod Security bypass by an update", "update on pods")
async def _(arena: Arena) -> None:
    await level(arena, "baseline")
    await arena.made(PODS, pod("p"))
    for spec in (
        {"hostNetwork": True},
        {"hostPID": True},
        {"containers": [{"name": "main", "image": "i", "securityContext": {"privileged": True}}]},
        {"containers": [{"name": "main", "image": "i"}, {"name": "b", "image": "i"}]},
        {"initContainers": CONTAINERS},
        {"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}},
    ):
        await arena.refused("PATCH", f"{PODS}/p", {"spec": spec}, 403, 422, who=ADMIN, content_type=STRATEGIC)


@attack("a workload whose pods are not allowed", "Pod Security bypass by workloads", "create on deployments")
async def _(arena: Arena) -> None:
    await level(arena, "baseline")
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": secured(privileged=True)}}
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": spec}
    await arena.made("/apis/apps/v1/namespaces/default/deployments", body)  # upstream lets it in: its pods it does not
    made = {**pod("p"), "spec": template["spec"]}
    says = "must not set securityContext.privileged=true"
    await arena.refused("POST", PODS, made, who=ADMIN, says=says)


@attack("an older version of the level, or one that is none", "Pod Security bypass by versions", "update on namespaces")
async def _(arena: Arena) -> None:
    for labels in ({ENFORCE: "Baseline"}, {ENFORCE: "none"}, {f"{ENFORCE}-version": "v0.9"}, {ENFORCE: ""}):
        await arena.refused(
            "PATCH", "/api/v1/namespaces/default", {"metadata": {"labels": labels}}, 422, who=ADMIN, content_type=MERGE
        )


@attack("volumes of programs, and of repositories with hooks", "CVE-2024-10220, CVE-2025-1767", "create on pods")
async def _(arena: Arena) -> None:
    await level(arena, "restricted")
    for volume in ({"gitRepo": {"repository": "/", "directory": "../x"}}, {"flexVolume": {"driver": "a/../../b"}}):
        await arena.refused("POST", PODS, pod("p", volumes=[{"name": "v", **volume}]), 403, 422, who=ADMIN)


@attack("a mount over another, or one that others see", "mount escapes, CWE-22", "create on pods")
async def _(arena: Arena) -> None:
    volumes = [{"name": "v", "emptyDir": {}}]
    for mounts in (
        [{"name": "v", "mountPath": "/a"}, {"name": "v", "mountPath": "/a"}],
        [{"name": "absent", "mountPath": "/a"}],
        [{"name": "v", "mountPath": "/a", "mountPropagation": "Bidirectional"}],
        [{"name": "v", "mountPath": "/a", "subPath": "a", "subPathExpr": "b"}],
    ):
        container = {"name": "a", "image": "i", "volumeMounts": mounts}
        await arena.refused("POST", PODS, pod("p", containers=[container], volumes=volumes), 422, who=ADMIN)


@attack("a file of the host by a volume's or a message's path", "CWE-22 path traversal", "create on pods")
async def _(arena: Arena) -> None:
    sources: list[Obj] = [
        {"downwardAPI": {"items": [{"path": "../x", "fieldRef": {"fieldPath": "metadata.name"}}]}},
        {"projected": {"sources": [{"serviceAccountToken": {"path": "../../token"}}]}},
        {"projected": {"sources": [{"serviceAccountToken": {"path": "/token"}}]}},
        {"secret": {"secretName": "s", "items": [{"key": "k", "path": "..data/x"}]}},
        {"hostPath": {"path": "/var/../etc"}},
    ]
    for source in sources:
        await arena.refused("POST", PODS, pod("p", volumes=[{"name": "v", **source}]), 422, who=ADMIN)
    context = {"seccompProfile": {"type": "Localhost", "localhostProfile": "../../etc/shadow"}}
    await arena.refused("POST", PODS, pod("p", securityContext=context), 422, who=ADMIN)


@attack("a profile of seccomp that is empty and so is none", "CVE-2023-2431", "create on pods")
async def _(arena: Arena) -> None:
    for profile in ({"type": "Localhost"}, {"type": "None"}):  # one with an empty name is refused by the node
        await arena.refused("POST", PODS, pod("p", securityContext={"seccompProfile": profile}), 422, who=ADMIN)


@attack("contradictions that a runtime could read either way", "CWE-436 interpretation conflict", "create on pods")
async def _(arena: Arena) -> None:
    for context in (
        {"privileged": True, "allowPrivilegeEscalation": False},
        {"capabilities": {"add": ["CAP_SYS_ADMIN"]}, "allowPrivilegeEscalation": False},
        {"procMount": "Maybe"},
        {"runAsUser": -1},
    ):
        await arena.refused("POST", PODS, pod("p", containers=secured(**context)), 422, who=ADMIN)
    await arena.refused("POST", PODS, pod("p", hostPID=True, shareProcessNamespace=True), 422, who=ADMIN)
    await arena.refused("POST", PODS, pod("p", hostUsers=False, hostNetwork=True), 422, who=ADMIN)


@attack("a port of the host that is not the container's", "hostPort on the host's network", "create on pods")
async def _(arena: Arena) -> None:
    ports = [{"containerPort": 80, "hostPort": 22}]
    spec = {"hostNetwork": True, "containers": [{"name": "a", "image": "i", "ports": ports}]}
    await arena.refused("POST", PODS, pod("p", **spec), 422, who=ADMIN)
    for port in (0, -1, 65536):
        ports = [{"containerPort": 80, "hostPort": port}] if port else [{"containerPort": 0}]
        await arena.refused("POST", PODS, pod("p", containers=[{**CONTAINERS[0], "ports": ports}]), 422, who=ADMIN)


@attack("Secrets past an account's list of those it may mount", "CVE-2023-2728, CVE-2024-3177", "create on pods")
async def _(arena: Arena) -> None:
    annotations = {"kubernetes.io/enforce-mountable-secrets": "true"}
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "tight", "annotations": annotations}}
    await arena.made(f"{BASE}/serviceaccounts", account)
    await arena.made(SECRETS, SECRET)
    for spec in (
        {"volumes": [{"name": "v", "secret": {"secretName": "s"}}]},
        {"containers": [{**CONTAINERS[0], "envFrom": [{"secretRef": {"name": "s"}}]}]},
        {"initContainers": [{**CONTAINERS[0], "envFrom": [{"secretRef": {"name": "s"}}]}], "containers": CONTAINERS},
        {"imagePullSecrets": [{"name": "s"}]},
    ):
        if "initContainers" in spec:
            spec["containers"] = [{"name": "main", "image": "i"}]
        await arena.refused("POST", PODS, pod("p", serviceAccountName="tight", **spec), who=ADMIN)
    await arena.made(PODS, pod("p", serviceAccountName="tight"))
    added = {"spec": {"ephemeralContainers": [{"name": "d", "image": "i", "envFrom": [{"secretRef": {"name": "s"}}]}]}}
    says = 'ephemeral container d with envFrom referencing secret.secretName="s" is not allowed'
    target = f"{PODS}/p/ephemeralcontainers"
    await arena.refused("PATCH", target, added, who=ADMIN, content_type=STRATEGIC, says=says)


@attack("more than a namespace's limits by a resize", "LimitRanger, in-place resize", "update on pods/resize")
async def _(arena: Arena) -> None:
    limits = {"limits": [{"type": "Container", "max": {"cpu": "1"}}]}
    await arena.made(f"{BASE}/limitranges", {"kind": "LimitRange", "metadata": {"name": "l"}, "spec": limits})
    amounts = {"requests": {"cpu": "1"}, "limits": {"cpu": "1"}}
    made = await arena.made(PODS, pod("p", containers=[{"name": "a", "image": "i", "resources": amounts}]))
    assert made["spec"]["containers"][0]["resources"] == amounts
    amounts = {"requests": {"cpu": "5"}, "limits": {"cpu": "5"}}
    resized = {"spec": {"containers": [{"name": "a", "resources": amounts}]}}
    says = "maximum cpu usage per Container is 1, but limit is 5"
    await arena.refused("PATCH", f"{PODS}/p/resize", resized, who=ADMIN, content_type=STRATEGIC, says=says)


@attack("a debugging container where none may be made", "ephemeral-container bypass", "create and update on pods")
async def _(arena: Arena) -> None:
    await grant(arena.world, "maker", rule("create get update patch", "pods"))
    await arena.made(PODS, pod("p"), who=JANE)
    body = {"spec": {"ephemeralContainers": [{"name": "d", "image": "i"}]}}
    await arena.refused("PATCH", f"{PODS}/p/ephemeralcontainers", body, content_type=STRATEGIC)
    await arena.refused("PATCH", f"{PODS}/p", body, 422, content_type=STRATEGIC)
    await arena.refused("POST", PODS, pod("q", **body["spec"]), 422)


@attack("a pod with another's service account of another namespace", "service account name tricks", "create on pods")
async def _(arena: Arena) -> None:
    await grant(arena.world, "maker", rule("create get", "pods"))
    for name in ("kube-system/admin", "../kube-system/default", "system:serviceaccount:kube-system:default"):
        await arena.refused("POST", PODS, pod("p", serviceAccountName=name), 403, 422)
    await arena.refused("POST", PODS, pod("p", serviceAccountName="absent"), says="not found")


@attack("a name of a host that breaks into the hosts file", "CWE-93 injection of lines", "create on pods")
async def _(arena: Arena) -> None:
    aliases = [{"ip": "127.0.0.1", "hostnames": ["a\n10.0.0.1 kubernetes.default"]}]
    await arena.refused("POST", PODS, pod("p", hostAliases=aliases), 422, who=ADMIN)
    await arena.refused("POST", PODS, pod("p", hostname="a\nb"), 422, who=ADMIN)
    config = {"nameservers": ["10.0.0.1\noptions debug"], "searches": ["a\nnameserver 6.6.6.6"]}
    await arena.refused("POST", PODS, pod("p", dnsPolicy="None", dnsConfig=config), 422, who=ADMIN)


@attack("all of /proc without users of its own", "mount escapes, procMount", "create on pods")
async def _(arena: Arena) -> None:
    says = "`hostUsers` must be false to use `Unmasked`"
    for field in ("containers", "initContainers"):
        spec = {field: secured(procMount="Unmasked")}
        await arena.refused("POST", PODS, pod("p", **spec), 422, who=ADMIN, says=says)
    await arena.made(PODS, pod("own", hostUsers=False, containers=secured(procMount="Unmasked")))
    await level(arena, "restricted")
    await arena.refused("POST", PODS, pod("p", hostUsers=False, containers=secured(procMount="Unmasked")), who=ADMIN)
