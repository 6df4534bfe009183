"""From a pod to what the runtime is asked for: names, resources, security, hosts and DNS."""

from __future__ import annotations

import pytest

from podo.node.environment import ConfigProblem
from podo.node.hosts import ResolvConf, dns_of, hosts_file, parse_resolv_conf
from podo.node.pulling import is_reference
from podo.node.pullsecrets import Login, login_in, registry_of
from podo.node.resources import oom_score, pod_limits, qos_class, resources_of
from podo.node.runtimes.contract import Image
from podo.node.runtimes.cri_messages import container_config
from podo.node.translate import container_spec, hostname_of, sandbox_spec
from tests.unit.node.pods import Obj, pod

IMAGE = Image("sha256:1", ("busybox:1.28",))
MACHINE = ResolvConf(["192.0.2.1"], ["example.com"], ["timeout:1"])


def with_resources(**groups: dict[str, str]) -> Obj:
    found = pod()
    found["spec"]["containers"][0]["resources"] = groups
    return found


@pytest.mark.parametrize(
    ("resources", "quality"),
    [
        ({}, "BestEffort"),
        ({"requests": {"cpu": "1"}}, "Burstable"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}}, "Guaranteed"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m", "memory": "1Gi"}}, "Burstable"),
        ({"limits": {"cpu": "1"}}, "Burstable"),
    ],
)
def test_quality_of_service(resources: dict[str, dict[str, str]], quality: str) -> None:
    assert qos_class(with_resources(**resources)) == quality


def test_resources_become_what_the_kernel_takes() -> None:
    found = with_resources(limits={"cpu": "500m", "memory": "64Mi"}, requests={"cpu": "250m", "memory": "32Mi"})
    resources = resources_of(found, found["spec"]["containers"][0], 1 << 30)
    assert (resources.cpu_shares, resources.cpu_quota, resources.cpu_period) == (256, 50_000, 100_000)
    assert resources.memory_limit == 64 << 20
    assert resources.oom_score_adj == 1000 - 1000 * (32 << 20) // (1 << 30)
    assert pod_limits(found) == (256, 50_000, 64 << 20)
    assert oom_score(pod(), pod()["spec"]["containers"][0], 1 << 30) == 1000


def test_a_pod_is_limited_only_if_all_its_containers_are() -> None:
    found = with_resources(limits={"cpu": "1", "memory": "1Gi"})
    found["spec"]["containers"].append({"name": "free"})
    assert pod_limits(found)[1:] == (0, 0)


def test_commands_are_expanded_and_security_is_merged() -> None:
    found = pod(securityContext={"runAsUser": 5, "fsGroup": 7, "seccompProfile": {"type": "RuntimeDefault"}})
    container = found["spec"]["containers"][0]
    container |= {
        "command": ["echo", "$(A)"],
        "securityContext": {"runAsUser": 6, "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    spec = container_spec(found, container, 2, IMAGE, [("A", "1")], [], 1 << 30)
    assert list(spec.command) == ["echo", "1"]
    assert (spec.run_as_user, list(spec.supplemental_groups), spec.seccomp) == (6, [7], "RuntimeDefault")
    assert spec.no_new_privileges and list(spec.capabilities_drop) == ["ALL"]
    assert spec.log_path == "web/2.log"


@pytest.mark.parametrize(
    ("security", "user", "message"),
    [
        ({"runAsNonRoot": True}, "", "container has runAsNonRoot and image will run as root"),
        ({"runAsNonRoot": True}, "nginx", "image has non-numeric user \\(nginx\\)"),
        ({"runAsNonRoot": True, "runAsUser": 0}, "5", "runAsUser breaks non-root policy"),
    ],
)
def test_root_is_refused_where_it_must_not_be(security: Obj, user: str, message: str) -> None:
    found = pod(securityContext=security)
    with pytest.raises(ConfigProblem, match=message):
        container_spec(found, found["spec"]["containers"][0], 0, Image("i", (), 0, user), [], [], 1)


def test_a_numeric_user_or_another_is_let_through() -> None:
    found = pod(securityContext={"runAsNonRoot": True})
    assert container_spec(found, found["spec"]["containers"][0], 0, Image("i", (), 0, "101:101"), [], [], 1)


def test_the_sandbox() -> None:
    found = pod()
    found["spec"]["containers"][0]["ports"] = [{"containerPort": 80, "hostPort": 8080}, {"containerPort": 81}]
    spec = sandbox_spec(found, 1, "/logs", "/kubepods/podx", ([], [], []), "n1")
    assert (spec.hostname, spec.attempt, list(spec.host_ports)) == ("web", 1, [("TCP", 80, 8080, "")])
    assert sandbox_spec(pod(hostNetwork=True), 0, "", "", ([], [], []), "n1").hostname == "n1"
    with pytest.raises(ConfigProblem, match="user namespaces"):
        sandbox_spec(pod(hostUsers=False), 0, "", "", ([], [], []), "n1")


def test_long_names_are_cut_to_host_names() -> None:
    found = pod()
    found["metadata"]["name"] = "a" * 62 + "-" + "b" * 20
    assert hostname_of(found) == "a" * 62


def test_hosts_files() -> None:
    text = hosts_file(pod(subdomain="sub", hostname="h"), ["10.244.0.2"], "cluster.local", "")
    assert "127.0.0.1\tlocalhost\n" in text
    assert text.endswith("10.244.0.2\th.sub.default.svc.cluster.local\th\n")
    aliases = [{"ip": "192.0.2.9", "hostnames": ["a", "b"]}]
    assert hosts_file(pod(hostAliases=aliases), ["10.244.0.2"], "cluster.local", "").endswith("192.0.2.9\ta\tb\n")
    own = hosts_file(pod(hostNetwork=True), ["192.0.2.1"], "cluster.local", "192.0.2.1 machine\n")
    assert own.endswith("192.0.2.1 machine\n")


CLUSTER = ["default.svc.cluster.local", "svc.cluster.local", "cluster.local"]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, (["10.96.0.10"], [*CLUSTER, "example.com"], ["ndots:5"])),
        ({"dnsPolicy": "Default"}, (["192.0.2.1"], ["example.com"], ["timeout:1"])),
        ({"hostNetwork": True}, (["192.0.2.1"], ["example.com"], ["timeout:1"])),
        (
            {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"},
            (["10.96.0.10"], [*CLUSTER, "example.com"], ["ndots:5"]),
        ),
        (
            {"dnsPolicy": "None", "dnsConfig": {"nameservers": ["1.1.1.1"], "options": [{"name": "edns0"}]}},
            (["1.1.1.1"], [], ["edns0"]),
        ),
        (
            {"dnsConfig": {"searches": ["x"], "options": [{"name": "ndots", "value": "2"}]}},
            (["10.96.0.10"], [*CLUSTER, "example.com", "x"], ["ndots:2"]),
        ),
    ],
)
def test_dns(spec: Obj, expected: tuple[list[str], list[str], list[str]]) -> None:
    assert dns_of(pod(**spec), MACHINE, ["10.96.0.10"], "cluster.local") == expected


def test_resolv_conf_is_read() -> None:
    text = "# note\nnameserver 192.0.2.1\nsearch a.example b.example\noptions ndots:1 rotate\nnameserver\n"
    assert parse_resolv_conf(text) == ResolvConf(["192.0.2.1"], ["a.example", "b.example"], ["ndots:1", "rotate"])


@pytest.mark.parametrize(
    ("image", "well"),
    [
        ("nginx", True),
        ("nginx:1.14.2", True),
        ("registry.k8s.io/pause:3.9", True),
        ("127.0.0.1:5000/a/b@sha256:" + "a" * 64, True),
        ("Nginx", False),
        ("nginx:", False),
        ("a b", False),
        ("", False),
        ("nginx:1@sha256:short", False),
    ],
)
def test_image_names(image: str, well: bool) -> None:
    assert is_reference(image) is well


def test_pull_secrets() -> None:
    import base64
    import json

    auths = {"https://registry.local:5000/v1/": {"auth": base64.b64encode(b"me:pass:word").decode()}}
    encoded = base64.b64encode(json.dumps({"auths": auths}).encode()).decode()
    metadata = {"name": "s", "namespace": "n", "uid": "u"}
    secret = {"metadata": metadata, "data": {".dockerconfigjson": encoded}}
    found = login_in(secret, registry_of("registry.local:5000/web:1"))
    assert found == Login("me", "pass:word", ("u", "n", "s"))
    assert login_in(secret, registry_of("nginx")) is None
    assert login_in({"data": {".dockerconfigjson": "not base64!"}}, "x") is None


def test_groups_labels_and_profiles_reach_the_runtime_as_they_are_asked_for() -> None:
    security = {"supplementalGroupsPolicy": "Strict", "seLinuxOptions": {"type": "t", "level": "s0"}}
    found = pod(securityContext={**security, "appArmorProfile": {"type": "RuntimeDefault"}})
    container = found["spec"]["containers"][0]
    sent = container_config(container_spec(found, container, 0, IMAGE, [], [], 1 << 30)).linux.security_context
    assert (sent.supplemental_groups_policy, sent.apparmor.profile_type) == (1, 0)
    assert (sent.selinux_options.type, sent.selinux_options.level) == ("t", "s0")
    container["securityContext"] = {"appArmorProfile": {"type": "Localhost", "localhostProfile": "mine"}}
    sent = container_config(container_spec(found, container, 0, IMAGE, [], [], 1 << 30)).linux.security_context
    assert (sent.apparmor.profile_type, sent.apparmor.localhost_ref) == (2, "mine")
    container["securityContext"] = {"privileged": True}
    sent = container_config(container_spec(found, container, 0, IMAGE, [], [], 1 << 30)).linux.security_context
    assert not sent.HasField("apparmor") and sent.privileged


def test_a_seccomp_profile_that_the_node_does_not_have_is_not_taken_for_none() -> None:
    profile = {"type": "Localhost", "localhostProfile": "audit.json"}
    found = pod(securityContext={"seccompProfile": profile})
    with pytest.raises(ConfigProblem, match=r"cannot load seccomp profile 'audit\.json'"):
        container_spec(found, found["spec"]["containers"][0], 0, IMAGE, [], [], 1 << 30)
