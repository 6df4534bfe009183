"""kubectl and CustomResourceDefinitions: applied, explained, listed in columns, scaled, patched, taken away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.live.kubectl import Kubectl
from tests.live.podo import Cluster
from tests.live.waiting import eventually

pytestmark = pytest.mark.live

GROUP = "stable.live.example.com"
CRONTABS = f"crontabs.{GROUP}"
FIELDS: dict[str, Any] = {
    "cronSpec": {"type": "string", "description": "When it runs.", "pattern": r"^(\d+|\*)(\s+(\d+|\*|\*/\d+)){4}$"},
    "image": {"type": "string"},
    "replicas": {"type": "integer", "minimum": 0, "default": 1},
    "ports": {
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
        "items": {
            "type": "object",
            "required": ["name"],
            "properties": {"name": {"type": "string"}, "number": {"type": "integer"}},
        },
    },
}
STATUS = {"type": "object", "properties": {"replicas": {"type": "integer"}, "selector": {"type": "string"}}}
VERSION = {
    "name": "v1",
    "served": True,
    "storage": True,
    "schema": {
        "openAPIV3Schema": {
            "type": "object",
            "description": "CronTab is a job that comes again.",
            "properties": {
                "spec": {
                    "type": "object",
                    "properties": FIELDS,
                    "x-kubernetes-validations": [
                        {"rule": "self.image != 'none' || self.replicas == 0", "message": "an image is needed to run"}
                    ],
                },
                "status": STATUS,
            },
        }
    },
    "subresources": {
        "status": {},
        "scale": {
            "specReplicasPath": ".spec.replicas",
            "statusReplicasPath": ".status.replicas",
            "labelSelectorPath": ".status.selector",
        },
    },
    "additionalPrinterColumns": [
        {"name": "Spec", "type": "string", "jsonPath": ".spec.cronSpec"},
        {"name": "Replicas", "type": "integer", "jsonPath": ".spec.replicas"},
        {"name": "Image", "type": "string", "jsonPath": ".spec.image", "priority": 1},
    ],
}
DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": CRONTABS},
    "spec": {
        "group": GROUP,
        "scope": "Namespaced",
        "names": {"plural": "crontabs", "kind": "CronTab", "shortNames": ["ct"], "categories": ["all"]},
        "versions": [VERSION],
    },
}


def crontab(name: str, **spec: Any) -> dict[str, Any]:
    whole = {"cronSpec": "* * * * */5", "image": "cron:1", **spec}
    return {"apiVersion": f"{GROUP}/v1", "kind": "CronTab", "metadata": {"name": name}, "spec": whole}


@pytest.fixture(scope="module")
def kubectl(simulated_cluster: Cluster) -> Iterator[Kubectl]:
    """kubectl in a namespace of its own, with the definition there."""
    found = simulated_cluster.kubectl.within("custom")
    found("create", "namespace", "custom")
    found("apply", "-f", "-", given=DEFINITION)
    found("wait", "--for=condition=established", "--timeout=120s", f"crd/{CRONTABS}")
    yield found
    found("delete", "crd", CRONTABS, "--ignore-not-found", "--timeout=120s")
    found("delete", "namespace", "custom", "--wait=false")


def test_explain_tells_of_every_field(kubectl: Kubectl) -> None:
    whole = eventually(lambda: kubectl("explain", "crontabs", "--recursive"), "its documentation")
    assert "KIND:       CronTab" in whole and f"GROUP:      {GROUP}" in whole
    assert "CronTab is a job that comes again." in whole
    for field in ("cronSpec\t<string>", "replicas\t<integer>", "ports\t<[]Object>", "name\t<string> -required-"):
        assert field in whole
    assert "When it runs." in kubectl("explain", "ct.spec.cronSpec")
    assert f"crontabs   ct           {GROUP}/v1" in kubectl("api-resources", f"--api-group={GROUP}")


def test_objects_are_made_listed_and_changed(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", given=crontab("web"))
    lines = kubectl("get", "crontabs").splitlines()
    assert lines[0].split() == ["NAME", "SPEC", "REPLICAS"]
    assert lines[1].split() == ["web", "*", "*", "*", "*", "*/5", "1"]
    assert "cron:1" in kubectl("get", "ct", "web", "-o", "wide")
    assert f"crontab.{GROUP}/web" in kubectl("get", "all", "-o", "name")
    kubectl("scale", "ct/web", "--replicas=3")
    assert kubectl.path("{.spec.replicas} {.metadata.generation}", "ct", "web") == "3 2"
    kubectl("patch", "ct", "web", "--type=merge", "-p", '{"spec":{"image":"cron:2"}}')
    kubectl("patch", "ct", "web", "--type=json", "-p", '[{"op":"replace","path":"/spec/replicas","value":4}]')
    kubectl("patch", "ct", "web", "--subresource=status", "--type=merge", "-p", '{"status":{"replicas":4}}')
    assert kubectl.path("{.spec.image} {.spec.replicas} {.status.replicas}", "ct", "web") == "cron:2 4 4"
    kubectl("apply", "-f", "-", given=crontab("web", image="cron:3"))
    assert kubectl.path("{.spec.image} {.spec.replicas}", "ct", "web") == "cron:3 4"
    assert "cron:4" in kubectl.run("diff", "-f", "-", given=crontab("web", image="cron:4")).out
    kubectl("wait", "ct/web", "--for=jsonpath={.status.replicas}=4", "--timeout=120s")
    kubectl("delete", "ct", "web")


def test_what_is_wrong_is_told(kubectl: Kubectl) -> None:
    said = kubectl.fails("apply", "-f", "-", given=crontab("bad", cronSpec="never", replicas=-1))
    assert "spec.cronSpec in body should match" in said and "should be greater than or equal to 0" in said
    assert 'unknown field "spec.colour"' in kubectl.fails("create", "-f", "-", given=crontab("bad", colour="red"))
    assert "an image is needed to run" in kubectl.fails("create", "-f", "-", given=crontab("bad", image="none"))
    kubectl("create", "-f", "-", "--validate=ignore", given=crontab("loose", colour="red"))
    assert kubectl.path("{.spec.colour}", "ct", "loose") == ""
    kubectl("delete", "ct", "loose")


def test_managers_share_an_object(kubectl: Kubectl) -> None:
    one = crontab("shared", ports=[{"name": "a", "number": 1}])
    kubectl("apply", "--server-side", "--field-manager=one", "-f", "-", given=one)
    two = {**one, "spec": {"ports": [{"name": "b", "number": 2}]}}
    kubectl("apply", "--server-side", "--field-manager=two", "-f", "-", given=two)
    assert kubectl.path("{.spec.ports[*].name}", "ct", "shared") == "a b"
    two["spec"] = {"ports": [{"name": "a", "number": 9}]}
    said = kubectl.fails("apply", "--server-side", "--field-manager=two", "-f", "-", given=two)
    assert 'conflict with "one": .spec.ports[name="a"].number' in said
    kubectl("apply", "--server-side", "--field-manager=two", "--force-conflicts", "-f", "-", given=two)
    assert kubectl.path("{.spec.ports[*].number}", "ct", "shared") == "9"
    kubectl("delete", "ct", "shared")


def test_a_change_is_published_soon_and_the_end_takes_all(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", given=crontab("last"))
    fields = {**FIELDS, "colour": {"type": "string", "description": "Of the paint."}}
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": fields}, "status": STATUS}}
    version = {**VERSION, "schema": {"openAPIV3Schema": schema}}
    kubectl("apply", "-f", "-", given={**DEFINITION, "spec": {**DEFINITION["spec"], "versions": [version]}})  # type: ignore[dict-item]
    eventually(lambda: "Of the paint." in kubectl("explain", "ct.spec.colour"), "it is explained")
    with kubectl.follow("get", "ct", "-w") as watching:
        watching.until("last")
        kubectl("delete", "crd", CRONTABS, "--timeout=120s")
        assert "last" in watching.seen
    gone = "the server could not find the requested resource"
    eventually(lambda: gone in kubectl.fails("get", f"crontabs.v1.{GROUP}"), "nobody knows it any more")
