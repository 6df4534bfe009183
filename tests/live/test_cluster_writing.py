"""What kubectl writes: create, apply, diff, replace, patches, labels, and what each of them answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.live import manifests
from tests.live.kubectl import Kubectl
from tests.live.machine import needs_containerd, needs_root
from tests.live.waiting import eventually

pytestmark = [pytest.mark.live, needs_root, needs_containerd]


def test_apply_says_what_it_did(kubectl: Kubectl) -> None:
    settings = manifests.config_map("settings", color="blue", size="1")
    assert kubectl("apply", "-f", "-", given=settings) == "configmap/settings created\n"
    assert kubectl("apply", "-f", "-", given=settings) == "configmap/settings unchanged\n"
    changed = manifests.config_map("settings", color="red")
    assert kubectl("apply", "-f", "-", given=changed) == "configmap/settings configured\n"
    assert kubectl.json("get", "configmap", "settings")["data"] == {"color": "red"}  # what was taken out is gone
    kubectl("patch", "configmap", "settings", "-p", '{"data":{"mine":"kept"}}')
    kubectl("apply", "-f", "-", given=manifests.config_map("settings", color="green"))
    assert kubectl.json("get", "configmap", "settings")["data"] == {"color": "green", "mine": "kept"}
    assert "color: green" in kubectl("apply", "view-last-applied", "configmap/settings")


def test_apply_of_a_directory_and_deletion_of_it(kubectl: Kubectl, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(manifests.config_map(name, a="b")))
    (tmp_path / "kustomization.yaml").write_text("namePrefix: my-\nresources: [one.yaml, two.yaml]\n")
    assert kubectl("apply", "-k", str(tmp_path)).split("\n")[:2] == [
        "configmap/my-one created",
        "configmap/my-two created",
    ]
    (tmp_path / "kustomization.yaml").unlink()
    kubectl("apply", "-f", str(tmp_path))
    kubectl("delete", "-f", str(tmp_path))
    names = kubectl("get", "configmaps", "-o", "name")
    assert "my-one" in names and "configmap/one" not in names


def test_dry_runs_change_nothing(kubectl: Kubectl) -> None:
    web = manifests.deployment("web")
    assert kubectl("apply", "--dry-run=client", "-f", "-", given=web) == "deployment.apps/web created (dry run)\n"
    assert (
        kubectl("apply", "--dry-run=server", "-f", "-", given=web) == "deployment.apps/web created (server dry run)\n"
    )
    filled = json.loads(kubectl("create", "--dry-run=server", "-f", "-", "-o", "json", given=web))
    assert filled["spec"]["strategy"]["type"] == "RollingUpdate" and filled["metadata"]["uid"]
    assert "not found" in kubectl.fails("get", "deployment", "web")
    settings = manifests.config_map("settings", a="1")
    kubectl("apply", "-f", "-", given=settings)
    kubectl("delete", "configmap", "settings", "--dry-run=server")
    kubectl("patch", "configmap", "settings", "--dry-run=server", "-p", '{"data":{"a":"2"}}')
    assert kubectl.json("get", "configmap", "settings")["data"] == {"a": "1"}
    bad = manifests.config_map("Bad_Name")
    assert "Invalid value" in kubectl.fails("apply", "--dry-run=server", "-f", "-", given=bad)


def test_diff(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", given=manifests.deployment("web", replicas=1))
    same = kubectl.run("diff", "-f", "-", given=manifests.deployment("web", replicas=1))
    assert (same.code, same.out) == (0, ""), str(same)
    other = kubectl.run("diff", "-f", "-", given=manifests.deployment("web", replicas=2))
    assert other.code == 1
    assert "-  replicas: 1\n+  replicas: 2\n" in other.out, str(other)
    assert kubectl.path("{.spec.replicas}", "deployment/web") == "1"


def test_every_kind_of_patch(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", given=manifests.deployment("web", manifests.nginx(), replicas=0))
    patch = '[{"op":"test","path":"/spec/replicas","value":0},{"op":"add","path":"/metadata/labels/x","value":"y"}]'
    assert kubectl("patch", "deployment", "web", "--type=json", "-p", patch) == "deployment.apps/web patched\n"
    kubectl("patch", "deployment", "web", "--type=merge", "-p", '{"metadata":{"labels":{"x":null,"z":"1"}}}')
    assert kubectl.json("get", "deployment", "web")["metadata"]["labels"] == {"app": "web", "z": "1"}
    side = '{"spec":{"template":{"spec":{"containers":[{"name":"side","image":"busybox:1.28"}]}}}}'
    kubectl("patch", "deployment", "web", "-p", side)  # strategic: lists merge by name
    assert kubectl.path("{.spec.template.spec.containers[*].name}", "deployment/web") in ("side nginx", "nginx side")
    assert kubectl("patch", "deployment", "web", "-p", side) == "deployment.apps/web patched (no change)\n"
    wrong = '[{"op":"test","path":"/spec/replicas","value":5}]'
    assert "invalid" in kubectl.fails("patch", "deployment", "web", "--type=json", "-p", wrong).lower()
    scaled = kubectl(
        "patch", "deployment", "web", "--subresource=scale", "--type=merge", "-p", '{"spec":{"replicas":1}}'
    )
    assert "web patched" in scaled and kubectl.path("{.spec.replicas}", "deployment/web") == "1"


def test_edit(kubectl: Kubectl, tmp_path: Path) -> None:
    kubectl("apply", "-f", "-", given=manifests.config_map("settings", color="blue"))
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i "s/color: blue/color: red/" "$1"\n')
    editor.chmod(0o755)
    with kubectl.follow("edit", "configmap/settings", editor=str(editor)) as edit:
        assert edit.end().code == 0, edit.seen
    assert kubectl.json("get", "configmap", "settings")["data"] == {"color": "red"}


def test_replace_and_conflicts(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", given=manifests.config_map("settings", a="1"))
    stale = kubectl("get", "configmap", "settings", "-o", "yaml")
    assert "AlreadyExists" in kubectl.fails("create", "-f", "-", given=manifests.config_map("settings"))
    assert (
        kubectl("replace", "-f", "-", given=manifests.config_map("settings", a="2")) == "configmap/settings replaced\n"
    )
    conflict = kubectl.fails("replace", "-f", "-", given=stale)
    assert "the object has been modified; please apply your changes to the latest version and try again" in conflict
    uid = kubectl.path("{.metadata.uid}", "configmap/settings")
    kubectl("replace", "--force", "-f", "-", given=manifests.config_map("settings", a="3"))
    assert kubectl.path("{.metadata.uid}", "configmap/settings") != uid
    assert "not found" in kubectl.fails("replace", "-f", "-", given=manifests.config_map("absent"))


def test_labels_and_annotations(kubectl: Kubectl) -> None:
    kubectl("create", "configmap", "it")
    assert kubectl("label", "configmap", "it", "a=1") == "configmap/it labeled\n"
    assert "already has a value (1)" in kubectl.fails("label", "configmap", "it", "a=2")
    kubectl("label", "configmap", "it", "a=2", "--overwrite")
    kubectl("annotate", "configmap", "it", "note=hello world")
    meta = kubectl.json("get", "configmap", "it")["metadata"]
    assert (meta["labels"], meta["annotations"]) == ({"a": "2"}, {"note": "hello world"})
    kubectl("label", "configmap", "it", "a-")
    kubectl("annotate", "configmap", "it", "note-")
    meta = kubectl.json("get", "configmap", "it")["metadata"]
    assert "labels" not in meta and "annotations" not in meta
    assert "invalid" in kubectl.fails("label", "configmap", "it", "a=b c").lower()


def test_create_run_and_expose(kubectl: Kubectl, tmp_path: Path) -> None:
    (tmp_path / "file.txt").write_text("from a file\n")
    (tmp_path / "bytes.bin").write_bytes(b"\xff\0\xfe")
    kubectl("create", "configmap", "c", "--from-literal=k=v", f"--from-file={tmp_path}/file.txt",
            f"--from-file={tmp_path}/bytes.bin")  # fmt: skip
    made = kubectl.json("get", "configmap", "c")
    assert made["data"] == {"k": "v", "file.txt": "from a file\n"} and made["binaryData"] == {"bytes.bin": "/wD+"}
    kubectl("create", "secret", "generic", "s", "--from-literal=password=hush")
    assert kubectl.path("{.type} {.data.password}", "secret/s") == "Opaque aHVzaA=="
    kubectl(
        "create", "secret", "docker-registry", "r", "--docker-server=h", "--docker-username=u", "--docker-password=p"
    )
    kubectl("create", "serviceaccount", "robot")
    kubectl("create", "service", "clusterip", "plain", "--tcp=80:80")
    kubectl("create", "service", "nodeport", "np", "--tcp=80:80")
    kubectl("create", "service", "externalname", "ext", "--external-name=example.test")
    kubectl("create", "deployment", "web", "--image=nginx:1.14.2", "--replicas=2", "--port=80")
    kubectl("rollout", "status", "deployment/web", "--timeout=120s")
    assert kubectl("expose", "deployment", "web", "--port=8080", "--target-port=80") == "service/web exposed\n"
    assert kubectl("run", "box", "--image=busybox:1.28", "--command", "--", "sleep", "60") == "pod/box created\n"
    kubectl("wait", "pod/box", "--for=condition=Ready", "--timeout=120s")
    fetch = ("exec", "box", "--", "wget", "-T", "5", "-qO-", "http://web:8080/")
    page = eventually(lambda: kubectl(*fetch), "the page")
    assert "Welcome to nginx" in page
    kubectl("delete", "pod", "box", "--now")
    assert kubectl("get", "serviceaccount", "robot", "default", "-o", "name").split() == [
        "serviceaccount/robot",
        "serviceaccount/default",
    ]


def test_generated_names_and_delete_all(kubectl: Kubectl) -> None:
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "made-", "labels": {"a": "b"}}}
    names = {kubectl("create", "-f", "-", "-o", "name", given=manifest).strip() for _ in range(3)}
    assert len(names) == 3 and all(name.startswith("configmap/made-") for name in names)
    kubectl("delete", "configmaps", "-l", "a=b")
    assert "made-" not in kubectl("get", "configmaps", "-o", "name")
    kubectl("create", "deployment", "web", "--image=nginx:1.14.2")
    kubectl("rollout", "status", "deployment/web", "--timeout=120s")
    kubectl("delete", "all", "--all", "--timeout=120s")
    eventually(lambda: kubectl("get", "all", "-o", "name") == "", "nothing is left")


def test_finalizers_hold_an_object(kubectl: Kubectl) -> None:
    held = manifests.config_map("held")
    held["metadata"]["finalizers"] = ["example.test/hold"]
    kubectl("create", "-f", "-", given=held)
    kubectl("delete", "configmap", "held", "--wait=false")
    assert kubectl.path("{.metadata.deletionTimestamp}", "configmap/held")
    kubectl("patch", "configmap", "held", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    kubectl("wait", "configmap/held", "--for=delete", "--timeout=120s")


def test_a_namespace_goes_with_what_is_in_it(kubectl: Kubectl) -> None:
    name = f"{kubectl.namespace}-x"
    kubectl("create", "namespace", name)
    inside = kubectl.within(name)
    inside("create", "configmap", "c")
    inside("create", "deployment", "web", "--image=nginx:1.14.2")
    kubectl("delete", "namespace", name, "--timeout=120s")
    assert "not found" in kubectl.fails("get", "namespace", name)
    assert inside("get", "all,configmaps", "-o", "name") == ""
    assert "not found" in inside.fails("create", "configmap", "c")
