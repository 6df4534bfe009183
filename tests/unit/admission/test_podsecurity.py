"""Pod Security: what each control of the levels finds, by version; and what namespaces do with it."""

from __future__ import annotations

from typing import Any

import pytest

from podo.admission.podsecurity.policy import Policy, Rule, Settings
from podo.admission.podsecurity.standards import violations
from podo.http.message import Response
from tests.unit.apiserver.world import ADMIN, World, in_world, pod

PODS = "/api/v1/namespaces/default/pods"
NAMESPACE = "/api/v1/namespaces/default"
MERGE = "application/merge-patch+json"
PREFIX = "pod-security.kubernetes.io/"


def of(security: dict[str, Any] | None = None, pod_security: dict[str, Any] | None = None, **spec: Any) -> Any:
    container = {"name": "a", "image": "i", **({"securityContext": security} if security else {})}
    found = {"containers": [container], **spec}
    return {**found, "securityContext": pod_security} if pod_security else found


def found(level: str, minor: int, spec: Any, **annotations: str) -> list[str]:
    metadata = {"annotations": {key.replace("__", "/"): value for key, value in annotations.items()}}
    return [str(one) for one in violations(level, minor, metadata, spec)]


BASELINE: list[tuple[Any, str]] = [
    (
        of(hostNetwork=True, hostPID=True, hostIPC=True),
        "host namespaces (hostNetwork=true, hostPID=true, hostIPC=true)",
    ),
    (of({"privileged": True}), 'privileged (container "a" must not set securityContext.privileged=true)'),
    (
        of({"capabilities": {"add": ["NET_ADMIN", "CHOWN"]}}),
        'non-default capabilities (container "a" must not include "NET_ADMIN" in securityContext.capabilities.add)',
    ),
    (
        of(
            volumes=[
                {"name": "x", "hostPath": {"path": "/"}},
                {"name": "y", "hostPath": {}},
                {"name": "z", "secret": {}},
            ]
        ),
        'hostPath volumes (volumes "x", "y")',
    ),
    (
        {"containers": [{"name": "a", "ports": [{"hostPort": 80}, {"hostPort": 443}, {"containerPort": 1}]}]},
        'hostPorts (container "a" uses hostPorts 443, 80)',
    ),
    (
        {"containers": [{"name": "a", "livenessProbe": {"httpGet": {"host": "127.0.0.1"}}}]},
        'probe or lifecycle host (container "a" uses probe or lifecycle host "127.0.0.1")',
    ),
    (of({"procMount": "Unmasked"}), 'procMount (container "a" must not set securityContext.procMount to "Unmasked")'),
    (
        of({"seLinuxOptions": {"type": "evil_t", "user": "u"}}),
        'seLinuxOptions (container "a" set forbidden securityContext.seLinuxOptions: type "evil_t"; '
        "user may not be set)",
    ),
    (
        of({"seccompProfile": {"type": "Unconfined"}}, {"seccompProfile": {"type": "Unconfined"}}),
        'seccompProfile (pod and container "a" must not set securityContext.seccompProfile.type to "Unconfined")',
    ),
    (
        of(pod_security={"sysctls": [{"name": "kernel.msgmax", "value": "1"}, {"name": "net.ipv4.tcp_rmem"}]}),
        "forbidden sysctls (kernel.msgmax)",
    ),
    (
        of({"windowsOptions": {"hostProcess": True}}),
        'hostProcess (container "a" must not set securityContext.windowsOptions.hostProcess=true)',
    ),
    (
        of({"appArmorProfile": {"type": "Unconfined"}}),
        'forbidden AppArmor profile (container "a" must not set AppArmor profile type to "Unconfined")',
    ),
]


@pytest.mark.parametrize(("spec", "why"), BASELINE, ids=[why.partition(" (")[0] for _, why in BASELINE])
def test_controls_of_baseline(spec: Any, why: str) -> None:
    assert found("baseline", 37, spec) == [why]
    assert found("privileged", 37, spec) == []
    assert why.partition(" (")[0] in " ".join(found("restricted", 37, spec)) or "hostPath" in why or "capab" in why
    for where in ("initContainers", "ephemeralContainers"):
        moved = {**spec, "containers": [{"name": "fine"}], where: spec["containers"]}
        assert found("baseline", 37, moved) == [why]


GOOD = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}
RESTRICTED: list[tuple[Any, str]] = [
    (
        of({**GOOD, "allowPrivilegeEscalation": None}),
        'allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false)',
    ),
    (
        of({**GOOD, "capabilities": {"add": ["CHOWN"]}}),
        'unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"]; container "a" '
        'must not include "CHOWN" in securityContext.capabilities.add)',
    ),
    (
        of(GOOD, volumes=[{"name": "v", "nfs": {}}, {"name": "w", "emptyDir": {}}]),
        'restricted volume types (volume "v" uses restricted volume type "nfs")',
    ),
    (
        of({**GOOD, "runAsNonRoot": None}),
        'runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true)',
    ),
    (
        of({**GOOD, "runAsNonRoot": False}, {"runAsNonRoot": True}),
        'runAsNonRoot != true (container "a" must not set securityContext.runAsNonRoot=false)',
    ),
    (of({**GOOD, "runAsUser": 0}), 'runAsUser=0 (container "a" must not set runAsUser=0)'),
    (
        of({**GOOD, "seccompProfile": None}),
        'seccompProfile (pod or container "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or '
        '"Localhost")',
    ),
]


@pytest.mark.parametrize(("spec", "why"), RESTRICTED, ids=range(len(RESTRICTED)))
def test_controls_of_restricted(spec: Any, why: str) -> None:
    assert found("restricted", 37, spec) == [why]
    assert found("baseline", 37, spec) == []


def test_a_plain_pod_is_fine_for_baseline_and_a_careful_one_for_restricted() -> None:
    assert found("baseline", 37, of()) == []
    assert found("restricted", 37, of(GOOD)) == []


@pytest.mark.parametrize(
    ("level", "spec", "since", "until"),
    [
        ("baseline", {"containers": [{"name": "a", "livenessProbe": {"httpGet": {"host": "h"}}}]}, 34, 99),
        ("baseline", of(pod_security={"sysctls": [{"name": "net.ipv4.tcp_rmem"}]}), 0, 32),
        ("baseline", of(pod_security={"sysctls": [{"name": "net.ipv4.tcp_fin_timeout"}]}), 0, 29),
        ("baseline", of({"seLinuxOptions": {"type": "container_engine_t"}}), 0, 31),
        ("baseline", of({"seccompProfile": {"type": "Unconfined"}}), 19, 99),
        ("baseline", of({"procMount": "Unmasked"}, hostUsers=False), 0, 35),
        ("restricted", of({**GOOD, "procMount": "Unmasked"}, hostUsers=False), 0, 99),
        ("restricted", of({**GOOD, "runAsUser": 0}), 23, 99),
        ("restricted", of({**GOOD, "capabilities": {}}), 22, 99),
        ("restricted", of({**GOOD, "allowPrivilegeEscalation": None}, os={"name": "windows"}), 8, 25),
    ],
)
def test_controls_begin_and_end_with_versions(level: str, spec: Any, since: int, until: int) -> None:
    for minor in (0, 8, 19, 21, 22, 23, 25, 29, 31, 32, 34, 35, 37):
        assert bool(found(level, minor, spec)) is (since <= minor < until), minor


def test_annotations_of_old() -> None:
    armor = found("baseline", 37, of(), container_apparmor__a="x") or found("baseline", 37, of())
    assert armor == []
    annotations = {"container.apparmor.security.beta.kubernetes.io/a": "unconfined"}
    assert violations("baseline", 37, {"annotations": annotations}, of())[0].reason == "forbidden AppArmor profile"
    annotations = {"seccomp.security.alpha.kubernetes.io/pod": "unconfined"}
    assert violations("baseline", 18, {"annotations": annotations}, of())[0].reason == "seccompProfile"


async def label(world: World, target: str = NAMESPACE, **labels: str | None) -> list[str]:
    """Label the namespace; the warnings."""
    body = {"metadata": {"labels": {PREFIX + name.replace("_", "-"): value for name, value in labels.items()}}}
    answer = await world.answer("PATCH", target, _bytes(body), content_type=MERGE)
    assert isinstance(answer, Response) and answer.status == 200, answer
    return [value for name, value in answer.headers if name == "Warning"]


def _bytes(body: Any) -> bytes:
    import orjson

    return orjson.dumps(body)


def test_pods_are_refused_by_what_is_enforced() -> None:
    async def test(world: World) -> None:
        await label(world, enforce="restricted")
        status, answer = await world.ask("POST", PODS, pod("p"))
        assert (status, answer["reason"]) == (403, "Forbidden")
        assert answer["message"] == (
            'pods "p" is forbidden: violates PodSecurity "restricted:latest": '
            'allowPrivilegeEscalation != false (container "main" must set '
            "securityContext.allowPrivilegeEscalation=false), "
            'unrestricted capabilities (container "main" must set securityContext.capabilities.drop=["ALL"]), '
            'runAsNonRoot != true (pod or container "main" must set securityContext.runAsNonRoot=true), '
            'seccompProfile (pod or container "main" must set securityContext.seccompProfile.type to '
            '"RuntimeDefault" or "Localhost")'
        )
        await label(world, enforce="baseline", enforce_version="v1.33")
        host = {"containers": [{"name": "m", "image": "i", "livenessProbe": {"httpGet": {"port": 1, "host": "h"}}}]}
        status, _ = await world.ask("POST", PODS, pod("old", **host))
        assert status == 201
        await label(world, enforce_version="latest")
        status, answer = await world.ask("POST", PODS, pod("new", **host))
        assert status == 403 and '"baseline:latest": probe or lifecycle host' in answer["message"]

    in_world(test)


def test_workloads_are_warned_of_only() -> None:
    async def test(world: World) -> None:
        await label(world, enforce="restricted")
        template = {"metadata": {"labels": {"a": "b"}}, "spec": pod("x")["spec"]}
        spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
        obj = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": spec}
        answer = await world.answer("POST", "/apis/apps/v1/namespaces/default/deployments", _bytes(obj), who=ADMIN)
        assert isinstance(answer, Response) and answer.status == 201
        (warning,) = [value for name, value in answer.headers if name == "Warning"]
        assert "would violate PodSecurity" in warning and "restricted:latest" in warning

    in_world(test)


def test_an_ephemeral_container_is_no_way_around() -> None:
    async def test(world: World) -> None:
        await label(world, enforce="baseline")
        status, _ = await world.ask("POST", PODS, pod("p"))
        assert status == 201
        debugger = {"name": "d", "image": "i", "securityContext": {"privileged": True}}
        body = {"spec": {"ephemeralContainers": [debugger]}}
        kind = "application/strategic-merge-patch+json"
        status, answer = await world.ask("PATCH", f"{PODS}/p/ephemeralcontainers", body, content_type=kind)
        assert status == 403 and 'container "d" must not set securityContext.privileged=true' in answer["message"]

    in_world(test)


def test_what_is_there_is_told_when_the_level_rises() -> None:
    async def test(world: World) -> None:
        for name in ("one", "two"):
            await world.ask("POST", PODS, pod(name, hostNetwork=True))
        first, second = await label(world, enforce="baseline")
        assert "existing pods in namespace" in first and "violate the new PodSecurity enforce level" in first
        assert "one (and 1 other pod): host namespaces" in second
        status, _ = await world.ask("PATCH", f"{PODS}/one", {"metadata": {"labels": {"a": "b"}}}, content_type=MERGE)
        assert status == 200, "an update that changes nothing of it is not judged"
        assert await label(world, enforce="privileged") == []

    in_world(test)


def test_labels_that_say_nothing() -> None:
    async def test(world: World) -> None:
        body = {"metadata": {"labels": {f"{PREFIX}enforce": "strict"}}}
        status, answer = await world.ask("PATCH", NAMESPACE, body, content_type=MERGE)
        assert status == 422 and "must be one of privileged, baseline, restricted" in answer["message"]
        body = {"metadata": {"labels": {f"{PREFIX}enforce-version": "1.20"}}}
        status, answer = await world.ask("PATCH", NAMESPACE, body, content_type=MERGE)
        assert status == 422 and 'must be "latest" or "v1.x"' in answer["message"]

    in_world(test)


def test_the_cluster_has_defaults_and_exemptions() -> None:
    settings = Settings(Policy(enforce=Rule("baseline")), namespaces=frozenset({"kube-system"}))

    async def test(world: World) -> None:
        for name in ("kube-system", "free"):
            labels = {f"{PREFIX}enforce": "privileged"} if name == "free" else {}
            metadata = {"name": name, "labels": labels}
            await world.client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
            account = {"name": "default", "namespace": name}
            await world.client.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account})
        for namespace, expected in (("default", 403), ("kube-system", 201), ("free", 201)):
            obj = pod("p", hostPID=True)
            obj["metadata"]["namespace"] = namespace
            status, answer = await world.ask("POST", f"/api/v1/namespaces/{namespace}/pods", obj)
            assert status == expected, answer

    in_world(test, pod_security=settings)
