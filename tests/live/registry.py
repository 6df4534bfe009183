"""A registry of images in the test's own process (OCI distribution-spec: pulling), open or with a password."""

from __future__ import annotations

import base64
import hashlib
import platform
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from podo.node.images import oci


def data_image(*layers: list[oci.Entry], names: Sequence[str] = ("podo.local/data:1",)) -> oci.Image:
    """An image of files only, as an artifact is."""
    architecture = "arm64" if platform.machine() == "aarch64" else "amd64"
    return oci.Image(names, [oci.Layer.of(layer) for layer in layers], architecture=architecture)


class Registry(ThreadingHTTPServer):
    """Its images are at ``address/NAME:TAG``, NAME and TAG being the last part of the images' own names. ``asked``:
    paths of all requests that were allowed in."""

    daemon_threads = True

    def __init__(self, images: Sequence[oci.Image], login: tuple[str, str] | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.login = base64.b64encode(":".join(login).encode()).decode() if login else ""
        self.asked: list[str] = []
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, bytes] = {}
        for image in images:
            self._add(image)

    def _add(self, image: oci.Image) -> None:
        manifest = image.manifest()
        for blob in (image.config(), *(layer.blob for layer in image.layers)):
            self.blobs[_digest(blob)] = blob
        for name in image.names:
            repository, _, tag = name.rpartition("/")[2].partition(":")
            for reference in (tag, _digest(manifest)):
                self.manifests[f"{repository}/{reference}"] = manifest

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Registry

    def do_GET(self) -> None:
        if self.server.login and self.headers.get("Authorization") != f"Basic {self.server.login}":
            self._answer(401, b"{}", **{"WWW-Authenticate": 'Basic realm="test"'})
            return
        self.server.asked.append(self.path)
        parts = self.path.partition("?")[0].strip("/").split("/")
        if (
            len(parts) == 4
            and parts[2] == "manifests"
            and (found := self.server.manifests.get(f"{parts[1]}/{parts[3]}"))
        ):
            self._answer(200, found, **{"Content-Type": oci.MANIFEST, "Docker-Content-Digest": _digest(found)})
        elif len(parts) == 4 and parts[2] == "blobs" and (found := self.server.blobs.get(parts[3])):
            self._answer(200, found, **{"Content-Type": "application/octet-stream"})
        else:
            self._answer(200 if parts == ["v2"] else 404, b"{}")

    do_HEAD = do_GET

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        return None


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@contextmanager
def registry(*images: oci.Image, login: tuple[str, str] | None = None) -> Iterator[Registry]:
    """It listens in the network namespace of the caller."""
    made = Registry(images, login)
    serving = threading.Thread(target=made.serve_forever, daemon=True)
    serving.start()
    try:
        yield made
    finally:
        made.shutdown()
        made.server_close()
        serving.join(60)
