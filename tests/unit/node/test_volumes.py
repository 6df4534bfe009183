"""Volumes on disk: files that change all at once, types of host paths, parts of volumes that cannot be escaped."""

from __future__ import annotations

import asyncio
import base64
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podo.node.environment import ConfigProblem
from podo.node.machine import MachineFailure
from podo.node.volumes import emptydir, hostpath, mounting
from podo.node.volumes.atomicwriter import DATA, File, write
from podo.node.volumes.credentialdisk import CredentialDisk
from podo.node.volumes.podvolumes import PodVolumes
from podo.node.volumes.subpath import bind_part
from tests.unit.node.pods import Obj, pod
from tests.unit.node.test_environment import CAPACITY, Objects, obj

is_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounts need root")


def shown(directory: Path) -> dict[str, bytes]:
    """What a container sees: names that do not begin with two dots, links followed."""
    found = {}
    for here, directories, files in os.walk(directory, followlinks=True):
        directories[:] = [name for name in directories if not name.startswith("..")]
        for name in files:
            path = Path(here, name)
            found[str(path.relative_to(directory))] = path.read_bytes()
    return found


def test_a_volume_holds_exactly_what_was_written_last(tmp_path: Path) -> None:
    assert write(tmp_path, {"a": File(b"1"), "deep/er/b": File(b"2", 0o600)})
    assert shown(tmp_path) == {"a": b"1", "deep/er/b": b"2"}
    assert (tmp_path / "deep/er/b").stat().st_mode & 0o777 == 0o600
    first = os.readlink(tmp_path / DATA)
    assert not write(tmp_path, {"a": File(b"1"), "deep/er/b": File(b"2", 0o600)})
    assert os.readlink(tmp_path / DATA) == first
    assert write(tmp_path, {"a": File(b"3")})
    assert shown(tmp_path) == {"a": b"3"}
    assert sorted(entry.name[:2] for entry in tmp_path.iterdir()) == ["..", "..", "a"]


names = st.sampled_from(["a", "b", "c/d", "c/e", "f"])


@settings(max_examples=30)
@given(st.lists(st.dictionaries(names, st.binary(max_size=5)), min_size=1, max_size=4))
def test_any_row_of_writes(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, bytes]]) -> None:
    directory = tmp_path_factory.mktemp("volume")
    for row in rows:
        write(directory, {name: File(content) for name, content in row.items()})
        assert shown(directory) == row


@pytest.mark.parametrize("path", ["../a", "/a", "a/../b", "..data/x", ""])
def test_paths_that_lead_out_are_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(ValueError, match="invalid path"):
        write(tmp_path, {path: File(b"")})


def test_host_paths_are_checked(tmp_path: Path) -> None:
    file, directory = tmp_path / "f", tmp_path / "made" / "here"
    hostpath.prepare(str(file), "FileOrCreate")
    hostpath.prepare(str(directory), "DirectoryOrCreate")
    assert file.is_file() and directory.is_dir()
    hostpath.prepare("/dev/null", "CharDevice")
    hostpath.prepare(str(tmp_path / "nothing"), "")
    with pytest.raises(ConfigProblem, match="is not a directory"):
        hostpath.prepare(str(file), "Directory")
    with pytest.raises(ConfigProblem, match="is not a file"):
        hostpath.prepare(str(tmp_path / "nothing"), "File")


@is_root
def test_parts_of_volumes(tmp_path: Path) -> None:
    volume, target = tmp_path / "volume", tmp_path / "target"
    volume.mkdir()
    (volume / "f").write_text("inside")
    (volume / "out").symlink_to("/etc")
    (volume / "in").symlink_to("f")
    for part in ("out", "out/passwd", "../volume", "/etc"):
        with pytest.raises(ConfigProblem, match="subPath"):
            bind_part(volume, part, target)
    try:
        bind_part(volume, "new/er", target)
        (volume / "new/er/x").write_text("seen")
        assert (target / "x").read_text() == "seen"
        bind_part(volume, "in", tmp_path / "file")
        assert (tmp_path / "file").read_text() == "inside"
    finally:
        for point in mounting.mounts_below(tmp_path):
            mounting.unmount(point)
    assert mounting.mounts_below(tmp_path) == []


def volumes(tmp_path: Path, *objects: Obj) -> PodVolumes:
    return PodVolumes(tmp_path, Objects(*objects), CAPACITY)


CONFIG = obj("ConfigMap", "c", data={"x": "1", "y": "2"})
SECRET = obj("Secret", "s", data={"k": base64.b64encode(b"\xff").decode()})


def test_projected_volumes_join_their_sources(tmp_path: Path) -> None:
    sources = [
        {"configMap": {"name": "c", "items": [{"key": "x", "path": "deep/x"}]}},
        {"secret": {"name": "s"}},
        {"downwardAPI": {"items": [{"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}]}},
        {"configMap": {"name": "absent", "optional": True}},
    ]
    with_volume = pod(volumes=[{"name": "all", "projected": {"sources": sources, "defaultMode": 0o440}}])
    pod_volumes = volumes(tmp_path, CONFIG, SECRET)
    asyncio.run(pod_volumes.prepare(with_volume))
    path = pod_volumes.path(with_volume, with_volume["spec"]["volumes"][0])
    assert shown(path) == {"deep/x": b"1", "k": b"\xff", "name": b"web"}
    assert (path / "k").stat().st_mode & 0o777 == 0o440


@pytest.mark.parametrize(
    ("volume", "message"),
    [
        ({"configMap": {"name": "absent"}}, 'MountVolume.SetUp failed for volume "v" : configmap "absent" not found'),
        ({"secret": {"secretName": "absent"}}, 'secret "absent" not found'),
        ({"configMap": {"name": "c", "items": [{"key": "z", "path": "z"}]}}, "references non-existent config key: z"),
        ({"nfs": {"server": "a", "path": "/"}}, "nfs volumes are not supported"),
        ({"gitRepo": {"repository": "x"}}, "git-repo volume plugin has been disabled"),
    ],
)
def test_volumes_that_cannot_be(tmp_path: Path, volume: Obj, message: str) -> None:
    with pytest.raises(MachineFailure, match="FailedMount|" + message) as failure:
        asyncio.run(volumes(tmp_path, CONFIG).prepare(pod(volumes=[{"name": "v", **volume}])))
    assert failure.value.reason == "FailedMount"
    assert message in failure.value.message


@is_root
def test_secrets_are_in_memory_and_the_memory_goes_with_the_last_of_them(tmp_path: Path) -> None:
    disk = CredentialDisk(tmp_path / "credentials", 1 << 30)
    pod_volumes = PodVolumes(tmp_path / "pods", Objects(SECRET, CONFIG), CAPACITY, None, disk)
    given = [{"name": "s", "secret": {"secretName": "s"}}, {"name": "c", "configMap": {"name": "c"}}]
    one, two = pod(volumes=given), pod(volumes=given)
    two["metadata"] = {**two["metadata"], "uid": "uid-2"}
    try:
        for each in (one, two):
            asyncio.run(pod_volumes.prepare(each))
            assert shown(pod_volumes.path(each, given[0])) == {"k": b"\xff"}
        assert mounting.mounts_below(tmp_path) == [disk.directory]
        assert os.statvfs(disk.directory).f_blocks * os.statvfs(disk.directory).f_frsize == (1 << 30) // 8
        again = CredentialDisk(disk.directory, 1 << 30)  # after a restart of the agent
        again.ensure()
        assert again.pods() == {"uid-1", "uid-2"}
        asyncio.run(pod_volumes.clean_up("uid-1", everything=True))
        assert shown(pod_volumes.path(two, given[0])) == {"k": b"\xff"}
        assert mounting.mounts_below(tmp_path) == [disk.directory]
        asyncio.run(pod_volumes.clean_up("uid-2", everything=True))
        assert mounting.mounts_below(tmp_path) == []
        asyncio.run(pod_volumes.prepare(one))
        assert mounting.mounts_below(tmp_path) == [disk.directory]
    finally:
        for point in mounting.mounts_below(tmp_path):
            mounting.unmount(point)


def test_clean_up_takes_the_pods_directories_and_not_the_hosts(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "kept").write_text("")
    given_volumes = [{"name": "h", "hostPath": {"path": str(own)}}, {"name": "e", "emptyDir": {}}]
    with_volumes = pod(volumes=given_volumes)
    pod_volumes = volumes(tmp_path / "pods", CONFIG)
    asyncio.run(pod_volumes.prepare(with_volumes))
    assert pod_volumes.path(with_volumes, given_volumes[1]).is_dir()
    asyncio.run(pod_volumes.clean_up("uid-1", everything=True))
    assert (own / "kept").exists()
    assert list((tmp_path / "pods").iterdir()) == []


def test_others_have_their_turn_while_directories_are_removed(tmp_path: Path) -> None:
    pod_volumes = volumes(tmp_path / "pods")
    for number in range(100):
        (pod_volumes.directory("uid-1") / "volumes" / str(number)).mkdir(parents=True)

    async def run() -> bool:
        turn = asyncio.Event()
        asyncio.get_running_loop().call_soon(turn.set)
        await pod_volumes.clean_up("uid-1", everything=False)
        return turn.is_set()

    assert asyncio.run(run())
    assert list(pod_volumes.directory("uid-1").iterdir()) == []


def test_of_very_many_directories_the_first_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path.joinpath(*"abcdefgh")
    deep.mkdir(parents=True)
    (deep / "file").write_bytes(b"x" * 5000)
    monkeypatch.setattr(emptydir, "MOST_ENTRIES", 9)
    assert emptydir.is_larger(tmp_path, "1k")
    monkeypatch.setattr(emptydir, "MOST_ENTRIES", 8)
    assert not emptydir.is_larger(tmp_path, "1k")


def test_an_empty_dir_is_larger_than_its_limit(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    assert not emptydir.is_larger(tmp_path, "1Ki")
    (tmp_path / "below" / "file").write_bytes(b"x" * 5000)
    (tmp_path / "link").symlink_to("/proc/kcore")
    assert emptydir.is_larger(tmp_path, "4k")
    assert not emptydir.is_larger(tmp_path, "64Ki")
    assert not emptydir.is_larger(tmp_path / "gone", "1")
