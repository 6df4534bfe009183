from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path

from podo.node.images.oci import Directory, File, Image, Layer, Symlink, write_archive


def members(blob: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(blob)) as tar:
        return {member.name: member for member in tar}


def test_a_layer_holds_its_entries_and_the_directories_above_them() -> None:
    layer = Layer.of([File("/a/b/tool", b"#!", 0o755), Symlink("/a/link", "b/tool"), Directory("/tmp", 0o1777)])
    plain = gzip.decompress(layer.blob)
    found = members(plain)
    assert list(found) == ["a", "a/b", "a/b/tool", "a/link", "tmp"]
    assert (found["a/b/tool"].mode, found["tmp"].mode, found["a/link"].linkname) == (0o755, 0o1777, "b/tool")
    assert found["a"].isdir()
    assert all((one.uid, one.gid, one.mtime) == (0, 0, 0) for one in found.values())
    assert layer.digest == "sha256:" + hashlib.sha256(layer.blob).hexdigest()
    assert layer.diff_id == "sha256:" + hashlib.sha256(plain).hexdigest()


def test_a_later_entry_replaces_an_earlier_one() -> None:
    layer = Layer.of([Symlink("/bin/wget", "busybox"), File("/bin/wget", b"script", 0o755)])
    assert members(gzip.decompress(layer.blob))["bin/wget"].isreg()


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        image = Image(["docker.io/library/x:1"], [Layer.of([File("/f", b"content")])], "amd64", command=["/f"])
        write_archive(tmp_path / name, [image])
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"one", "two"}


def test_an_archive_is_a_valid_layout_with_every_name_and_shared_layers_once(tmp_path: Path) -> None:
    base = Layer.of([File("/base", b"base")])
    images = [
        Image(["docker.io/library/x:1", "docker.io/library/x:latest"], [base], "arm64", user="7"),
        Image(
            ["docker.io/library/y:2"],
            [base, Layer.of([File("/more", b"more")])],
            "arm64",
            entrypoint=["/base"],
            command=["-v"],
            environment={"A": "b"},
            exposed_ports=["80/tcp"],
            stop_signal="SIGQUIT",
        ),
    ]
    path = tmp_path / "deep" / "images.tar"
    write_archive(path, images)
    with tarfile.open(path) as tar:
        files = {member.name: tar.extractfile(member).read() for member in tar if member.isreg()}  # type: ignore[union-attr]
    assert json.loads(files.pop("oci-layout")) == {"imageLayoutVersion": "1.0.0"}
    index = json.loads(files.pop("index.json"))
    names = [one["annotations"]["io.containerd.image.name"] for one in index["manifests"]]
    assert names == ["docker.io/library/x:1", "docker.io/library/x:latest", "docker.io/library/y:2"]
    for name, blob in files.items():
        assert name == "blobs/sha256/" + hashlib.sha256(blob).hexdigest()
    assert len(files) == 2 + 2 + 2  # manifests, configurations, layers

    def read(descriptor: dict[str, object]) -> bytes:
        blob = files["blobs/sha256/" + str(descriptor["digest"]).removeprefix("sha256:")]
        assert len(blob) == descriptor["size"]
        return blob

    manifest = json.loads(read(index["manifests"][2]))
    config = json.loads(read(manifest["config"]))
    assert config["architecture"] == "arm64"
    assert config["rootfs"]["diff_ids"] == [
        "sha256:" + hashlib.sha256(gzip.decompress(read(layer))).hexdigest() for layer in manifest["layers"]
    ]
    assert config["config"] == {
        "Env": ["A=b"],
        "Entrypoint": ["/base"],
        "Cmd": ["-v"],
        "WorkingDir": "/",
        "ExposedPorts": {"80/tcp": {}},
        "StopSignal": "SIGQUIT",
    }
