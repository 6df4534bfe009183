"""Environment variables: references, Services, fields and resources."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podo.client.contract import Unreachable
from podo.lab.virtualtime import run
from podo.node.environment import ConfigProblem, environment_of, expand, field_value, service_variables
from tests.unit.node.pods import pod

Obj = dict[str, Any]
CAPACITY = {"cpu": 4000, "memory": 8 << 30, "ephemeral-storage": 1 << 40}


class Objects:
    def __init__(self, *objects: Obj) -> None:
        self.known = {(o["kind"], o["metadata"]["namespace"], o["metadata"]["name"]): o for o in objects}

    async def config_map(self, namespace: str, name: str) -> Obj | None:
        return self.known.get(("ConfigMap", namespace, name))

    async def secret(self, namespace: str, name: str) -> Obj | None:
        return self.known.get(("Secret", namespace, name))

    async def services(self, namespace: str) -> list[Obj]:
        return [o for (kind, n, _), o in self.known.items() if kind == "Service" and n == namespace]


def obj(kind: str, name: str, namespace: str = "default", **more: Any) -> Obj:
    return {"kind": kind, "metadata": {"name": name, "namespace": namespace}, **more}


CONFIG = obj("ConfigMap", "settings", data={"color": "blue", "size": "3"})
SECRET = obj("Secret", "key", data={"password": base64.b64encode(b"hush").decode()})


def variables(container: Obj, *objects: Obj, **spec: Any) -> dict[str, str]:
    found = environment_of(pod(**spec), container, Objects(*objects), ["10.244.0.2"], "10.0.0.1", CAPACITY)
    return dict(asyncio.run(found))


def env(name: str, source: Obj) -> Obj:
    return {"name": name, "valueFrom": source}


@pytest.mark.parametrize(
    ("text", "expected"),
    [("$(A)", "1"), ("$$(A)", "$(A)"), ("$(B)", "$(B)"), ("a$(A)b$", "a1b$"), ("$$$(A)", "$1"), ("$(A", "$(A")],
)
def test_references_are_expanded(text: str, expected: str) -> None:
    assert expand(text, {"A": "1"}) == expected


@given(st.text())
def test_text_without_dollars_stays(text: str) -> None:
    plain = text.replace("$", "")
    assert expand(plain, {"A": "1"}) == plain


def test_all_sources() -> None:
    container = {
        "name": "web",
        "resources": {"limits": {"cpu": "1500m"}},
        "envFrom": [{"configMapRef": {"name": "settings"}, "prefix": "C_"}, {"secretRef": {"name": "key"}}],
        "env": [
            env("COLOR", {"configMapKeyRef": {"name": "settings", "key": "color"}}),
            env("PASSWORD", {"secretKeyRef": {"name": "key", "key": "password"}}),
            env("MISSING", {"configMapKeyRef": {"name": "no", "key": "x", "optional": True}}),
            env("IP", {"fieldRef": {"fieldPath": "status.podIP"}}),
            env("CPUS", {"resourceFieldRef": {"resource": "limits.cpu"}}),
            env("MEMORY", {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Gi"}}),
            {"name": "BOTH", "value": "$(COLOR)-$(C_size)-$(nobody)"},
        ],
    }
    found = variables(container, CONFIG, SECRET)
    assert found == {
        "C_color": "blue",
        "C_size": "3",
        "password": "hush",
        "COLOR": "blue",
        "PASSWORD": "hush",
        "IP": "10.244.0.2",
        "CPUS": "2",
        "MEMORY": "8",
        "BOTH": "blue-3-$(nobody)",
    }


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"configMapKeyRef": {"name": "no", "key": "x"}}, 'configmap "no" not found'),
        ({"secretKeyRef": {"name": "no", "key": "x"}}, 'secret "no" not found'),
        ({"configMapKeyRef": {"name": "settings", "key": "x"}}, "couldn't find key x in ConfigMap default/settings"),
        ({"fieldRef": {"fieldPath": "spec.nothing"}}, "unsupported fieldPath: spec.nothing"),
    ],
)
def test_what_is_missing_is_named(source: Obj, message: str) -> None:
    with pytest.raises(ConfigProblem, match=message):
        variables({"name": "web", "env": [env("X", source)]}, CONFIG)


def test_services_become_variables() -> None:
    ports = [{"name": "http", "port": 80, "protocol": "TCP"}, {"name": "dns", "port": 53, "protocol": "UDP"}]
    web = obj("Service", "my-web", spec={"clusterIP": "10.96.0.7", "ports": ports})
    headless = obj("Service", "none", spec={"clusterIP": "None", "ports": ports})
    assert service_variables([web, headless]) == {
        "MY_WEB_SERVICE_HOST": "10.96.0.7",
        "MY_WEB_SERVICE_PORT": "80",
        "MY_WEB_SERVICE_PORT_HTTP": "80",
        "MY_WEB_SERVICE_PORT_DNS": "53",
        "MY_WEB_PORT": "tcp://10.96.0.7:80",
        "MY_WEB_PORT_80_TCP": "tcp://10.96.0.7:80",
        "MY_WEB_PORT_80_TCP_PROTO": "tcp",
        "MY_WEB_PORT_80_TCP_PORT": "80",
        "MY_WEB_PORT_80_TCP_ADDR": "10.96.0.7",
        "MY_WEB_PORT_53_UDP": "udp://10.96.0.7:53",
        "MY_WEB_PORT_53_UDP_PROTO": "udp",
        "MY_WEB_PORT_53_UDP_PORT": "53",
        "MY_WEB_PORT_53_UDP_ADDR": "10.96.0.7",
    }
    assert variables({"name": "web"}, web, enableServiceLinks=False) == {}


class Silent(Objects):
    """An API server that takes requests and never answers."""

    async def services(self, namespace: str) -> list[Obj]:
        await asyncio.Event().wait()
        return []


class Absent(Objects):
    async def services(self, namespace: str) -> list[Obj]:
        raise Unreachable("no route to host")


@pytest.mark.parametrize("api", [Silent(), Absent()])
def test_a_static_pod_does_not_wait_for_services(api: Objects) -> None:
    def of(web: Obj) -> list[tuple[str, str]]:
        container = {"name": "web", "env": [{"name": "A", "value": "1"}]}
        return run(environment_of(web, container, api, ["10.244.0.2"], "10.0.0.1", CAPACITY))

    static = pod()
    static["metadata"]["annotations"] = {"kubernetes.io/config.hash": static["metadata"]["uid"]}
    assert of(static) == [("A", "1")]
    if isinstance(api, Absent):
        with pytest.raises(Unreachable):
            of(pod())


def test_labels_are_lines() -> None:
    labelled = pod()
    labelled["metadata"]["labels"] = {"b": 'say "hi"', "a": "1"}
    assert field_value("metadata.labels", labelled) == 'a="1"\nb="say \\"hi\\""'
    assert field_value("metadata.labels['a']", labelled) == "1"
