"""Claims' volumes on a node: found, made, given to a group, and removed without touching anything else."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.apiserver.local import LocalClient
from podo.lab import World
from podo.node.machine import MachineFailure
from podo.node.volumes import ownership
from podo.node.volumes.persistent import PersistentVolumes
from podo.node.volumes.persistentremoval import remove
from podo.node.volumes.podvolumes import PodVolumes
from tests.unit.node.test_environment import CAPACITY, Objects

is_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


class Nothing(Objects):
    async def token(self, pod: Obj, audience: str, seconds: int) -> str:
        return ""


class Storage:
    """The objects of one claim."""

    def __init__(self, claim: Obj | None, volume: Obj | None) -> None:
        self._claim, self._volume = claim, volume

    async def claim(self, namespace: str, name: str) -> Obj | None:
        return self._claim

    async def volume(self, name: str) -> Obj | None:
        return self._volume

    async def node(self, name: str) -> Obj | None:
        return {"metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}}}


def claim(**changes: Any) -> Obj:
    metadata = {"name": "data", "namespace": "default", "uid": "u1", **changes.pop("metadata", {})}
    return {"metadata": metadata, "spec": {"volumeName": "pv"}, "status": {"phase": "Bound"}, **changes}


def volume(source: Obj, node: str = "n1", labels: dict[str, str] | None = None, **spec: Any) -> Obj:
    expression = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    affinity = {"required": {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}}
    annotations = {"pv.kubernetes.io/provisioned-by": "podo.dev/local"} if labels else {}
    metadata = {"name": "pv", "labels": labels or {}, "annotations": annotations}
    return {"metadata": metadata, "spec": {**source, "claimRef": {"uid": "u1"}, "nodeAffinity": affinity, **spec}}


def pod(read_only: bool = False, **security: Any) -> Obj:
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": "data", "readOnly": read_only}}]
    metadata = {"name": "p", "namespace": "default", "uid": "pod-uid"}
    return {"metadata": metadata, "spec": {"volumes": volumes, "containers": [], "securityContext": security}}


def volumes(tmp_path: Path, claim: Obj | None, volume: Obj | None) -> PodVolumes:
    persistent = PersistentVolumes(Storage(claim, volume), "n1", tmp_path / "volumes")
    return PodVolumes(tmp_path / "pods", Nothing(), CAPACITY, persistent)


def prepared(tmp_path: Path, found: Obj, pod: Obj) -> Path:
    pod_volumes = volumes(tmp_path, claim(), found)
    asyncio.run(pod_volumes.prepare(pod))
    return pod_volumes.path(pod, pod["spec"]["volumes"][0])


def test_a_claim_leads_to_a_path(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    assert prepared(tmp_path, volume({"local": {"path": str(disk)}}), pod()) == disk
    assert prepared(tmp_path, volume({"hostPath": {"path": str(disk), "type": "Directory"}}), pod()) == disk


def test_containers_read_only_where_the_claim_is_mounted_so(tmp_path: Path) -> None:
    for read_only in (True, False):
        pod_volumes, one = volumes(tmp_path, claim(), volume({"hostPath": {"path": "/srv"}})), pod(read_only)
        asyncio.run(pod_volumes.prepare(one))
        (mount,) = pod_volumes.mounts(one, {"name": "c", "volumeMounts": [{"name": "v", "mountPath": "/data"}]}, {})
        assert (mount.host_path, mount.read_only) == ("/srv", read_only)
        asyncio.run(pod_volumes.clean_up("pod-uid", everything=True))
        assert pod_volumes.path(one, one["spec"]["volumes"][0]) != Path("/srv")


def test_a_provisioned_directory_is_made_and_others_are_not(tmp_path: Path) -> None:
    own = tmp_path / "volumes" / "pv"
    assert prepared(tmp_path, volume({"local": {"path": str(own)}}, labels={"podo.dev/node": "n1"}), pod()) == own
    assert own.is_dir() and stat.S_IMODE(own.stat().st_mode) == 0o777
    for path, node in ((tmp_path / "else" / "pv", "n1"), (tmp_path / "volumes" / "pv2", "n1")):
        with pytest.raises(MachineFailure, match=r'SetUp failed for volume "pv" : path ".*" does not exist'):
            prepared(tmp_path, volume({"local": {"path": str(path)}}, labels={"podo.dev/node": node}), pod())
        assert not path.exists()


@pytest.mark.parametrize(
    ("found", "made", "text"),
    [
        (None, None, 'persistentvolumeclaims "data" not found'),
        (claim(status={"phase": "Pending"}), None, "error processing PVC default/data: PVC is not bound"),
        (claim(metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"}), None, "PVC is being deleted"),
        (claim(), None, 'failed to fetch PV "pv"'),
        (claim(), volume({"hostPath": {"path": "/"}}, claimRef={"uid": "u2"}), "bound to another claim"),
        (claim(), volume({"hostPath": {"path": "/"}}, node="n2"), "no matching NodeSelectorTerms"),
        (claim(), volume({"nfs": {"server": "s", "path": "/"}}), "unsupported volume type nfs"),
        (claim(), volume({"csi": {"driver": "d.example"}}), r"unsupported volume type csi \(d.example\)"),
        (claim(), volume({"local": {"path": "/dev/null"}}), "block devices are not supported"),
        (claim(), volume({"hostPath": {"path": "/"}}, volumeMode="Block"), "unsupported volumeMode Block"),
    ],
)
def test_what_cannot_be_mounted_says_why(tmp_path: Path, found: Obj | None, made: Obj | None, text: str) -> None:
    with pytest.raises(MachineFailure, match=text) as failure:
        asyncio.run(volumes(tmp_path, found, made).prepare(pod()))
    assert failure.value.reason == "FailedMount"


def test_an_ephemeral_volume_is_the_pods_own(tmp_path: Path) -> None:
    one = pod()
    one["spec"]["volumes"] = [{"name": "v", "ephemeral": {"volumeClaimTemplate": {}}}]
    with pytest.raises(MachineFailure, match="was not created for pod default/p"):
        asyncio.run(volumes(tmp_path, claim(), volume({"hostPath": {"path": "/"}})).prepare(one))


@is_root
def test_a_group_may_read_and_write_what_is_there(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    (disk / "deep").mkdir(parents=True)
    (disk / "deep" / "file").write_text("x")
    (disk / "deep" / "file").chmod(0o600)
    outside = tmp_path / "outside"
    outside.write_text("y")
    outside.chmod(0o600)
    (disk / "link").symlink_to(outside)
    prepared(tmp_path, volume({"local": {"path": str(disk)}}), pod(fsGroup=1234))
    for path, mode in ((disk, 0o2770), (disk / "deep", 0o2770), (disk / "deep" / "file", 0o660)):
        assert path.stat().st_gid == 1234 and stat.S_IMODE(path.stat().st_mode) & mode == mode
    assert outside.stat().st_gid != 1234 and stat.S_IMODE(outside.stat().st_mode) == 0o600
    (disk / "late").write_text("z")
    os.chown(disk / "late", -1, 0)
    ownership.give(disk, 1234, "OnRootMismatch")
    assert (disk / "late").stat().st_gid == 0
    ownership.give(disk, 1234, "Always")
    assert (disk / "late").stat().st_gid == 1234


def test_removal_leaves_everything_else(tmp_path: Path) -> None:
    directory, outside = tmp_path / "volumes", tmp_path / "outside"
    (directory / "pv" / "deep").mkdir(parents=True)
    (directory / "other").mkdir()
    outside.mkdir()
    (outside / "kept").write_text("x")
    (directory / "pv" / "deep" / "link").symlink_to(outside)
    remove(directory, "pv")
    remove(directory, "pv")
    assert [entry.name for entry in directory.iterdir()] == ["other"]
    (directory / "pv").symlink_to(outside)
    with pytest.raises(OSError, match="symbolic link"):
        remove(directory, "pv")
    for name in ("", ".", "..", "../outside", "/", ".going-x", "a/b"):
        with pytest.raises(OSError, match="no name of a volume"):
            remove(directory, name)
    assert (outside / "kept").read_text() == "x" and (directory / "other").is_dir()
    remove(tmp_path / "absent", "pv")


def test_what_an_earlier_removal_has_left_goes(tmp_path: Path) -> None:
    (tmp_path / ".going-pv" / "half").mkdir(parents=True)
    remove(tmp_path, "pv")
    assert list(tmp_path.iterdir()) == []


def test_nodes_see_and_delete_only_what_is_theirs_to_remove() -> None:
    def made(name: str, node: str, policy: str) -> Obj:
        metadata = {
            "name": name,
            "labels": {"podo.dev/node": node},
            "annotations": {"pv.kubernetes.io/provisioned-by": "podo.dev/local"},
        }
        spec = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/x"}}
        spec["persistentVolumeReclaimPolicy"] = policy
        return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": metadata, "spec": spec}

    with World(nodes=0) as world:
        node = LocalClient(world.simulation._plane.api, "system:node:n1", ("system:nodes",))
        world.apply([made("mine", "n1", "Delete"), made("kept", "n1", "Retain"), made("theirs", "n2", "Delete")])
        with pytest.raises(ApiError, match="can only list/watch persistentvolumes with podo"):
            world.run(node.list("PersistentVolume"))
        with pytest.raises(ApiError, match="can only list/watch"):
            world.run(node.list("PersistentVolume", labels="podo.dev/node=n2"))
        found = world.run(node.list("PersistentVolume", labels="podo.dev/node=n1")).items
        assert sorted(one["metadata"]["name"] for one in found) == ["kept", "mine"]
        with pytest.raises(ApiError, match=r"cannot patch|is forbidden"):
            world.run(node.patch("PersistentVolume", "mine", patch={"metadata": {"labels": {"a": "b"}}}))
        for name in ("mine", "kept", "theirs"):
            with pytest.raises(ApiError, match="can only delete released persistentvolumes"):
                world.run(node.delete("PersistentVolume", name))
