"""Collection of images that no container and no volume uses, when their disk is fuller than 85 %, until it is at 80 %.

The thresholds, the least age and the order (least recently used first) are the kubelet's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from podo.node.runtimes.contract import Container, Image, Runtime, RuntimeFailure
from podo.runtime.clock import Clock
from podo.runtime.log import Logger

log = Logger("podo.node.imagecollection")

HIGH_PERCENT, LOW_PERCENT = 85, 80
LEAST_AGE_SECONDS = 120.0
EVERY_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Disk:
    """Sizes in bytes."""

    capacity: int
    available: int


@dataclass(slots=True)
class Known:
    """When an image was first seen and last used (monotonic seconds)."""

    first_seen: float
    last_used: float


def bytes_to_free(disk: Disk) -> int:
    """How much must go; 0 below the high threshold."""
    used_percent = 100 - disk.available * 100 // max(disk.capacity, 1)
    if used_percent < HIGH_PERCENT:
        return 0
    return max(0, disk.capacity * (100 - LOW_PERCENT) // 100 - disk.available)


def choose(
    images: Iterable[Image], known: Mapping[str, Known], in_use: Collection[str], now: float, wanted: int
) -> list[Image]:
    """The images to remove, the least recently used first, until ``wanted`` bytes are free."""
    free = [i for i in images if i.id not in in_use and now - known[i.id].first_seen >= LEAST_AGE_SECONDS]
    free.sort(key=lambda image: (known[image.id].last_used, known[image.id].first_seen, image.id))
    chosen: list[Image] = []
    for image in free:
        if wanted <= 0:
            break
        chosen.append(image)
        wanted -= image.size
    return chosen


def is_pause(image: Image) -> bool:
    """Sandboxes stand on it, and no container names it."""
    return any(name.split("@")[0].rpartition(":")[0].endswith("/pause") for name in image.names)


def _nobody(image_ids: Collection[str]) -> None:
    return None


class ImageCollection:
    """``look`` is called now and then. ``disk`` is the one that images are on. ``here`` is told of all images."""

    def __init__(
        self,
        runtime: Runtime,
        containers: Callable[[], Iterable[Container]],
        disk: Callable[[], Disk],
        clock: Clock,
        here: Callable[[Collection[str]], None] = _nobody,
    ) -> None:
        self._here = here
        self._runtime = runtime
        self._containers = containers
        self._disk = disk
        self._clock = clock
        self._known: dict[str, Known] = {}

    async def look(self) -> tuple[int, int]:
        """Note what is used, and remove what must go. Bytes wanted, and bytes of the images removed."""
        now = self._clock.monotonic()
        images = await self._runtime.list_images()
        self._here({image.id for image in images})
        in_use = self._note(images, now, await self._runtime.viewed_images())
        wanted = bytes_to_free(self._disk())
        if not wanted:
            return 0, 0
        freed = 0
        for image in choose(images, self._known, in_use, now, wanted):
            try:
                await self._runtime.remove_image(image.id)
            except RuntimeFailure as failure:
                log.warning("image not removed", image=image.id, why=failure.message)
                continue
            log.info("removed an image to free space", image=image.id, size=image.size)
            freed += image.size
        return wanted, freed

    def _note(self, images: list[Image], now: float, viewed: set[str]) -> set[str]:
        """The ids of images that may not go."""
        named = {name: image.id for image in images for name in (image.id, *image.names)}
        used = {named.get(name, name) for each in self._containers() for name in (each.image_id, each.image)}
        used |= viewed | {image.id for image in images if is_pause(image)}
        present = {image.id for image in images}
        self._known = {key: value for key, value in self._known.items() if key in present}
        for image_id in present:
            entry = self._known.setdefault(image_id, Known(now, 0.0))
            if image_id in used:
                entry.last_used = now
        return used
