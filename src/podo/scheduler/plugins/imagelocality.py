"""ImageLocality: nodes that have the pod's images already are better, the more so the larger and the more common the
images are."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from podo.scheduler.podinfo import PodInfo
from podo.scheduler.snapshot import Mask, Numbers, Snapshot

NAME = "ImageLocality"
_MEGABYTE = 1024 * 1024
#: Images of less than this count nothing; of more than this for each container no more.
_LEAST, _MOST_EACH = 23 * _MEGABYTE, 1000 * _MEGABYTE


class ImageLocality:
    name = NAME

    def score(self, pod: PodInfo, snapshot: Snapshot, feasible: Mask) -> Numbers | None:
        if not snapshot.images:
            return None
        names = tuple(_images(pod))
        version = (snapshot.images_version, len(snapshot), snapshot.capacity)
        return snapshot.remembered((NAME, names), version, lambda: self._of(names, snapshot))

    @staticmethod
    def _of(names: tuple[str, ...], snapshot: Snapshot) -> Numbers | None:
        total: Numbers = np.zeros(snapshot.capacity, dtype=np.int64)
        for name in names:
            rows = snapshot.images.get(name, {})
            for row, size in rows.items():
                total[row] += int(size * (len(rows) / len(snapshot)))
        if not total.any():
            return None
        most = _MOST_EACH * len(names)
        scaled: Numbers = 100 * (np.clip(total, _LEAST, most) - _LEAST) // (most - _LEAST)
        return scaled


def _images(pod: PodInfo) -> Iterator[str]:
    spec = pod.obj["spec"]
    for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
        yield full_name(container.get("image") or "")
    for volume in spec.get("volumes") or ():
        if image := volume.get("image"):
            yield full_name(image.get("reference") or "")


def full_name(image: str) -> str:
    """With the tag ``latest`` where it has none."""
    return image if image.rfind(":") > image.rfind("/") else f"{image}:latest"
