"""Writes container images as OCI archives (image-spec v1), without a builder and without a network.

The same content gives the same bytes: no time of day, no order of a dict, no name of a machine goes in.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
#: What containerd's import reads the full name of an image from.
NAME = "io.containerd.image.name"


@dataclass(frozen=True, slots=True)
class File:
    """A regular file. ``path`` is absolute in the image."""

    path: str
    content: bytes
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Directory:
    path: str
    mode: int = 0o755


@dataclass(frozen=True, slots=True)
class Symlink:
    path: str
    target: str


Entry = File | Directory | Symlink


@dataclass(frozen=True, slots=True)
class Layer:
    """A gzipped tar, with the digests of its compressed and its plain bytes."""

    blob: bytes
    digest: str
    diff_id: str

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Layer:
        """Pack ``entries``; the directories above them come by themselves.

        A later entry of one path replaces an earlier one.
        """
        plain = _tar(_with_parents(entries))
        blob = gzip.compress(plain, compresslevel=9, mtime=0)
        return cls(blob, _digest(blob), _digest(plain))


@dataclass(frozen=True, slots=True)
class Image:
    """``names``: every full name it is known by, as ``docker.io/library/nginx:1.14.2``.

    The rest as a Dockerfile says it.
    """

    names: Sequence[str]
    layers: Sequence[Layer]
    architecture: str  # "amd64", "arm64"
    entrypoint: Sequence[str] = ()
    command: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    exposed_ports: Sequence[str] = ()  # "80/tcp"
    working_directory: str = "/"
    user: str = ""
    stop_signal: str = ""

    def config(self) -> bytes:
        """The image's configuration document; its digest is the image's id."""
        run = {
            "Env": [f"{name}={value}" for name, value in self.environment.items()],
            "Entrypoint": list(self.entrypoint),
            "Cmd": list(self.command),
            "WorkingDir": self.working_directory,
            "User": self.user,
            "ExposedPorts": {port: {} for port in self.exposed_ports},
            "StopSignal": self.stop_signal,
        }
        return _json(
            {
                "architecture": self.architecture,
                "os": "linux",
                "config": {name: value for name, value in run.items() if value},
                "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in self.layers]},
            }
        )

    def manifest(self) -> bytes:
        return _json(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": _descriptor(CONFIG, self.config()),
                "layers": [_descriptor(LAYER, layer.blob) for layer in self.layers],
            }
        )


def write_archive(path: Path, images: Sequence[Image]) -> None:
    """One archive of all ``images``, each under all its names; what they share is in it once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".new")
    unfinished.write_bytes(_tar(_archive_entries(images)))
    unfinished.replace(path)


def _archive_entries(images: Sequence[Image]) -> list[Entry]:
    blobs: dict[str, bytes] = {}
    index: list[dict[str, object]] = []
    for image in images:
        manifest = image.manifest()
        for blob in (manifest, image.config(), *(layer.blob for layer in image.layers)):
            blobs[_digest(blob)] = blob
        platform = {"architecture": image.architecture, "os": "linux"}
        for name in image.names:
            described = _descriptor(MANIFEST, manifest)
            named = {NAME: name, "org.opencontainers.image.ref.name": name.rpartition(":")[2]}
            index.append({**described, "platform": platform, "annotations": named})
    entries: list[Entry] = [
        File("/oci-layout", _json({"imageLayoutVersion": "1.0.0"})),
        File("/index.json", _json({"schemaVersion": 2, "manifests": index})),
        Directory("/blobs"),
        Directory("/blobs/sha256"),
    ]
    entries += (File("/blobs/sha256/" + digest.removeprefix("sha256:"), blob) for digest, blob in blobs.items())
    return entries


def _with_parents(entries: Iterable[Entry]) -> list[Entry]:
    found: dict[str, Entry] = {}
    for entry in entries:
        parts = entry.path.strip("/").split("/")
        for depth in range(1, len(parts)):
            parent = "/" + "/".join(parts[:depth])
            found.setdefault(parent, Directory(parent))
        found[entry.path] = entry
    return [found[path] for path in sorted(found)]


def _tar(entries: Iterable[Entry]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for entry in entries:
            header = tarfile.TarInfo(entry.path.strip("/"))
            match entry:
                case File():
                    header.mode, header.size = entry.mode, len(entry.content)
                    tar.addfile(header, io.BytesIO(entry.content))
                case Directory():
                    header.type, header.mode = tarfile.DIRTYPE, entry.mode
                    tar.addfile(header)
                case Symlink():
                    header.type, header.mode, header.linkname = tarfile.SYMTYPE, 0o777, entry.target
                    tar.addfile(header)
    return buffer.getvalue()


def _descriptor(media_type: str, blob: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": _digest(blob), "size": len(blob)}


def _digest(blob: bytes) -> str:
    return "sha256:" + hashlib.sha256(blob).hexdigest()


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
