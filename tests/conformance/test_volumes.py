"""Rows of the inventory about volumes made from objects: which files there are, who may read them, what changes."""

from __future__ import annotations

import asyncio
import base64
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from podo.node.machine import MachineFailure
from podo.node.volumes import mounting
from podo.node.volumes.podvolumes import PodVolumes
from tests.unit.node.pods import Obj, pod
from tests.unit.node.test_environment import CAPACITY, Objects, obj

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="groups of files and mounts need root")
SOURCES = pytest.mark.parametrize("source", ["configMap", "secret", "projected configMap", "projected secret"])
PODS_DIRECTORY = "pods"


def coded(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def of(source: str, namespace: str = "default", **data: str) -> Obj:
    """The ConfigMap or Secret of a source."""
    if source.endswith("secret"):
        return obj("Secret", "it", namespace, data={key: coded(value) for key, value in data.items()})
    return obj("ConfigMap", "it", namespace, data=data)


def volume(source: str, mode: int | None = None, **more: Any) -> Obj:
    """A volume of one source. ``more``: ``items``, ``optional``."""
    modes = {} if mode is None else {"defaultMode": mode}
    if source.startswith("projected"):
        kind = source.removeprefix("projected ")
        return {"name": "v", "projected": {"sources": [{kind: {"name": "it", **more}}], **modes}}
    named = {"secretName": "it"} if source == "secret" else {"name": "it"}
    return {"name": "v", source: {**named, **more, **modes}}


def written(root: Path, wanted: Obj, *objects: Obj, metadata: Obj | None = None, **spec: Any) -> Path:
    """Where the pod's volume is, up to date with these objects."""
    made = pod(volumes=[wanted], **spec)
    made["metadata"] |= metadata or {}
    volumes = PodVolumes(root / PODS_DIRECTORY, Objects(*objects), CAPACITY)
    asyncio.run(volumes.prepare(made))
    return volumes.path(made, wanted)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def visible(path: Path) -> list[str]:
    return sorted(entry.name for entry in path.iterdir() if not entry.name.startswith(".."))


@SOURCES
def test_keys_become_files_that_everybody_may_read(tmp_path: Path, source: str) -> None:
    path = written(tmp_path, volume(source), of(source, a="1", b="2"))
    assert visible(path) == ["a", "b"] and (path / "a").read_text() == "1"
    assert mode(path / "a") == 0o644
    assert all(mode(each) & 0o005 == 0o005 for each in (path, (path / "a").resolve().parent)), "a way for any user"


@SOURCES
def test_files_have_the_mode_of_the_volume(tmp_path: Path, source: str) -> None:
    path = written(tmp_path, volume(source, 0o400), of(source, a="1"))
    assert mode(path / "a") == 0o400


@SOURCES
def test_keys_are_mapped_to_paths_with_modes_of_their_own(tmp_path: Path, source: str) -> None:
    items = [{"key": "a", "path": "path/to/a"}, {"key": "b", "path": "b", "mode": 0o400}]
    path = written(tmp_path, volume(source, items=items), of(source, a="1", b="2", c="3"))
    assert visible(path) == ["b", "path"] and (path / "path/to/a").read_text() == "1"
    assert (mode(path / "path/to/a"), mode(path / "b")) == (0o644, 0o400)
    assert mode(path / "path/to") & 0o005 == 0o005


@needs_root
@SOURCES
def test_the_group_of_the_pod_may_read(tmp_path: Path, source: str) -> None:
    spec = {"securityContext": {"runAsUser": 1000, "fsGroup": 1001}}
    path = written(tmp_path, volume(source, 0o440), of(source, a="1"), **spec)
    found = (path / "a").stat()
    assert (found.st_gid, stat.S_IMODE(found.st_mode)) == (1001, 0o440)


@SOURCES
def test_objects_come_change_and_go(tmp_path: Path, source: str) -> None:
    """Optional ones: a file is there as long as its key is."""
    wanted = volume(source, optional=True)
    assert visible(written(tmp_path, wanted)) == []
    path = written(tmp_path, wanted, of(source, a="1"))
    assert (path / "a").read_text() == "1"
    written(tmp_path, wanted, of(source, a="2", b="3"))
    assert visible(path) == ["a", "b"] and (path / "a").read_text() == "2"
    written(tmp_path, wanted, of(source, b="3"))
    assert visible(path) == ["b"]
    assert visible(written(tmp_path, wanted)) == []


@SOURCES
def test_one_object_in_several_volumes(tmp_path: Path, source: str) -> None:
    both = [{**volume(source), "name": name} for name in ("one", "two")]
    made = pod(volumes=both)
    volumes = PodVolumes(tmp_path, Objects(of(source, a="1")), CAPACITY)
    asyncio.run(volumes.prepare(made))
    assert [(volumes.path(made, each) / "a").read_text() for each in both] == ["1", "1"]


def test_text_and_bytes(tmp_path: Path) -> None:
    data = {"data": {"text": "ü"}, "binaryData": {"bytes": coded(b"\xff\x00\xfe")}}
    path = written(tmp_path, volume("configMap"), obj("ConfigMap", "it", **data))
    assert (path / "text").read_text() == "ü" and (path / "bytes").read_bytes() == b"\xff\x00\xfe"


@pytest.mark.parametrize("source", ["secret", "projected secret"])
def test_another_namespaces_secret_of_the_same_name_is_another(tmp_path: Path, source: str) -> None:
    objects = (of(source, "other", a="theirs"), of(source, "default", a="ours"))
    path = written(tmp_path, volume(source), *objects)
    assert (path / "a").read_text() == "ours"


# downwardAPI

RESOURCES = {"limits": {"cpu": "1250m", "memory": "64Mi"}, "requests": {"cpu": "250m", "memory": "32Mi"}}
DOWNWARD = pytest.mark.parametrize("projected", [False, True], ids=["volume", "projected"])


def downward(projected: bool, *items: Obj, mode: int | None = None) -> Obj:
    source = {"items": list(items)}
    modes = {} if mode is None else {"defaultMode": mode}
    if projected:
        return {"name": "v", "projected": {"sources": [{"downwardAPI": source}], **modes}}
    return {"name": "v", "downwardAPI": {**source, **modes}}


def amount(path: str, resource: str, divisor: str) -> Obj:
    return {"path": path, "resourceFieldRef": {"containerName": "web", "resource": resource, "divisor": divisor}}


def field(path: str, name: str, **more: Any) -> Obj:
    return {"path": path, "fieldRef": {"fieldPath": name}, **more}


@DOWNWARD
@pytest.mark.parametrize(
    ("resource", "divisor", "expected"),
    [
        ("limits.cpu", "1m", "1250"),
        ("limits.cpu", "1", "2"),
        ("requests.cpu", "1m", "250"),
        ("limits.memory", "1Mi", "64"),
        ("requests.memory", "1Mi", "32"),
    ],
)
def test_what_a_container_may_use(tmp_path: Path, projected: bool, resource: str, divisor: str, expected: str) -> None:
    containers = [{"name": "web", "image": "a", "resources": RESOURCES}]
    path = written(tmp_path, downward(projected, amount("it", resource, divisor)), containers=containers)
    assert (path / "it").read_text() == expected


@DOWNWARD
def test_without_a_limit_it_is_what_the_node_has(tmp_path: Path, projected: bool) -> None:
    items = (amount("cpu", "limits.cpu", "1m"), amount("memory", "limits.memory", "1"))
    path = written(tmp_path, downward(projected, *items))
    assert (path / "cpu").read_text() == str(CAPACITY["cpu"])
    assert (path / "memory").read_text() == str(CAPACITY["memory"])


@DOWNWARD
def test_names_and_modes(tmp_path: Path, projected: bool) -> None:
    items = (field("name", "metadata.name"), field("closed", "metadata.name", mode=0o400))
    path = written(tmp_path, downward(projected, *items))
    assert (path / "name").read_text() == "web"
    assert (mode(path / "name"), mode(path / "closed")) == (0o644, 0o400)
    path = written(tmp_path / "other", downward(projected, *items[:1], mode=0o400))
    assert mode(path / "name") == 0o400


@DOWNWARD
@pytest.mark.parametrize("kind", ["labels", "annotations"])
def test_labels_and_annotations_follow_the_pod(tmp_path: Path, projected: bool, kind: str) -> None:
    wanted = downward(projected, field("it", f"metadata.{kind}"))
    path = written(tmp_path, wanted, metadata={kind: {"a": "1"}})
    assert (path / "it").read_text() == 'a="1"'
    written(tmp_path, wanted, metadata={kind: {"a": "2", "b": "3"}})
    assert (path / "it").read_text() == 'a="2"\nb="3"'


# subPath


@pytest.fixture
def unmounted(tmp_path: Path) -> Iterator[Path]:
    """A directory below which nothing is mounted afterwards."""
    yield tmp_path
    for point in mounting.mounts_below(tmp_path):
        mounting.unmount(point)


def mounted(root: Path, wanted: Obj, mount: Obj, *objects: Obj, **environment: str) -> Path:
    """What a container finds at its mountPath."""
    made = pod(volumes=[wanted])
    container = {**made["spec"]["containers"][0], "volumeMounts": [{"name": "v", "mountPath": "/it", **mount}]}
    volumes = PodVolumes(root / PODS_DIRECTORY, Objects(*objects), CAPACITY)
    asyncio.run(volumes.prepare(made))
    (found,) = volumes.mounts(made, container, environment)
    return Path(found.host_path)


@needs_root
@pytest.mark.parametrize("source", ["configMap", "secret", "projected configMap", "downwardAPI"])
def test_one_file_of_a_volume(unmounted: Path, source: str) -> None:
    wanted = downward(False, field("a", "metadata.name")) if source == "downwardAPI" else volume(source)
    objects = () if source == "downwardAPI" else (of(source, a="web"),)
    assert mounted(unmounted, wanted, {"subPath": "a"}, *objects).read_text() == "web"


@needs_root
def test_a_part_named_by_the_environment(unmounted: Path) -> None:
    wanted: Obj = {"name": "v", "emptyDir": {}}
    part = mounted(unmounted, wanted, {"subPathExpr": "$(POD)/logs"}, POD="web-0")
    (part / "line").write_text("written")
    whole = mounted(unmounted, wanted, {})
    assert (whole / "web-0/logs/line").read_text() == "written"


@pytest.mark.parametrize("value", ["..", "../..", "/etc"])
def test_the_environment_cannot_lead_out(unmounted: Path, value: str) -> None:
    with pytest.raises(MachineFailure):
        mounted(unmounted, {"name": "v", "emptyDir": {}}, {"subPathExpr": "$(WHERE)"}, WHERE=value)
