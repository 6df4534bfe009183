"""Images as volumes: a read-only look at an unpacked image, by containerd's snapshots. CRI of containerd 1.x has none.

Each look is a snapshot (a view) of its own, named after the pod and the volume and marked as a root, so that neither it
nor the image's layers are collected while it is there, whatever becomes of the image's name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson

from podo.node.runtimes.containerd_messages import message
from podo.node.runtimes.contract import FileSystem, RuntimeFailure

SNAPSHOTTER = "overlayfs"
NAMESPACE = (("containerd-namespace", "k8s.io"),)
SNAPSHOTS = "/containerd.services.snapshots.v1.Snapshots"
CONTENT = "/containerd.services.content.v1.Content"
#: Snapshots with this label are never collected.
ROOT_LABEL = "containerd.io/gc.root"
#: Which image a view shows: it is in use.
IMAGE_LABEL = "podo.dev/image"
PREFIX = "podo-image-volume/"
SECONDS = 10.0
MAX_CONFIG = 8 << 20


class ImageViews:
    """``channel``: gRPC's, to containerd."""

    def __init__(self, channel: Any) -> None:
        self._channel = channel

    async def view(self, image_id: str, key: str) -> FileSystem:
        """What to mount for an image (the id that CRI gives it); for a key that is taken, what it was taken for."""
        chain = chain_of(await self._diff_ids(image_id))
        labels = {ROOT_LABEL: "1970-01-01T00:00:00Z", IMAGE_LABEL: image_id}
        name = PREFIX + key
        try:
            wanted = {"key": name, "parent": chain, "labels": labels}
            mounts = await self._call("View", "ViewSnapshotRequest", "MountsResponse", **wanted)
        except RuntimeFailure as failure:
            if failure.kind != "exists":
                raise
            mounts = await self._call("Mounts", "MountsRequest", "MountsResponse", key=name)
        if len(mounts.mounts) != 1:
            raise RuntimeFailure("failed", f"image {image_id} is not one file system")
        found = mounts.mounts[0]
        return FileSystem(found.type, found.source, tuple(found.options))

    async def release(self, pod_uid: str) -> None:
        """Give back all views of a pod."""
        for name, _ in await self._list():
            if name.startswith(f"{PREFIX}{pod_uid}/"):
                try:
                    await self._call("Remove", "RemoveSnapshotRequest", "RemoveSnapshotResponse", key=name)
                except RuntimeFailure as failure:
                    if failure.kind != "not_found":
                        raise

    async def viewed(self) -> set[str]:
        """The ids of images that somebody looks at."""
        return {image_id for _, image_id in await self._list()}

    async def _list(self) -> list[tuple[str, str]]:
        """Names of views, and their images' ids."""
        call = self._channel.unary_stream(
            f"{SNAPSHOTS}/List",
            request_serializer=message("ListSnapshotsRequest").SerializeToString,
            response_deserializer=message("ListSnapshotsResponse").FromString,
        )
        request = message("ListSnapshotsRequest")(snapshotter=SNAPSHOTTER, filters=[f'labels."{IMAGE_LABEL}"'])
        found = []
        with _refusals():
            async for page in call(request, timeout=SECONDS, metadata=NAMESPACE):
                found += [(str(info.name), str(info.labels[IMAGE_LABEL])) for info in page.info]
        return found

    async def _diff_ids(self, image_id: str) -> list[str]:
        """The layers of an image, by the digests of what is in them: its configuration says them."""
        call = self._channel.unary_stream(
            f"{CONTENT}/Read",
            request_serializer=message("ReadContentRequest").SerializeToString,
            response_deserializer=message("ReadContentResponse").FromString,
        )
        config = b""
        with _refusals():
            async for part in call(message("ReadContentRequest")(digest=image_id), timeout=SECONDS, metadata=NAMESPACE):
                config += part.data
                if len(config) > MAX_CONFIG:
                    raise RuntimeFailure("failed", f"the configuration of image {image_id} is too large")
        try:
            return [str(each) for each in orjson.loads(config)["rootfs"]["diff_ids"]]
        except (ValueError, KeyError, TypeError) as failure:
            raise RuntimeFailure("failed", f"the configuration of image {image_id} says no layers") from failure

    async def _call(self, method: str, request: str, response: str, **fields: Any) -> Any:
        call = self._channel.unary_unary(
            f"{SNAPSHOTS}/{method}",
            request_serializer=message(request).SerializeToString,
            response_deserializer=message(response).FromString,
        )
        with _refusals():
            return await call(message(request)(snapshotter=SNAPSHOTTER, **fields), timeout=SECONDS, metadata=NAMESPACE)


def chain_of(diff_ids: list[str]) -> str:
    """The name of the snapshot with all these layers (OCI image spec, "Layer ChainID"). RuntimeFailure for none."""
    if not diff_ids:
        raise RuntimeFailure("failed", "the image has no layers")
    chain = diff_ids[0]
    for each in diff_ids[1:]:
        chain = f"sha256:{hashlib.sha256(f'{chain} {each}'.encode()).hexdigest()}"
    return chain


@contextmanager
def _refusals() -> Iterator[None]:
    """gRPC's refusals as the runtime's."""
    import grpc

    try:
        yield
    except grpc.aio.AioRpcError as failure:
        kinds = {grpc.StatusCode.NOT_FOUND: "not_found", grpc.StatusCode.ALREADY_EXISTS: "exists"}
        kind = kinds.get(failure.code(), "failed")
        raise RuntimeFailure(kind, failure.details() or str(failure.code())) from failure
