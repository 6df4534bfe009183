"""A node with real containers on this machine: what is prepared before it starts, loaded into it, and removed after
it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from pathlib import Path

from podo.cluster.config import Config
from podo.cluster.process import ProcessId
from podo.node import containerd, labels
from podo.node.cgroups import Cgroups
from podo.node.imagecollection import is_pause
from podo.node.runtimes.contract import Image, RuntimeFailure
from podo.node.runtimes.cri import CriRuntime
from podo.runtime.clock import SystemClock
from podo.runtime.log import Logger

log = Logger("podo.realnode")

#: The image that holds a pod's namespaces; every node has it from the start.
PAUSE_ARCHIVE = "pause.tar"
STOP_SECONDS = 10.0


class ImageProblem(Exception):
    """An archive cannot be loaded, or an image not be removed."""


def directory(config: Config, node: str) -> Path:
    return config.layout.node(node)


def containerd_directory(config: Config, node: str) -> Path:
    return directory(config, node) / "containerd"


def cgroup(config: Config, node: str) -> str:
    """The cgroup above all pods of the node; its own for each cluster, so that two do not meet."""
    return f"kubepods-{config.own_name}-{node}"


def nft_table(config: Config) -> str:
    """The nftables table of the cluster: ``podo``, or ``podo_NAME`` for one that is not the default."""
    return "podo" if config.own_name == "default" else f"podo_{config.own_name.replace('-', '_')}"


def policy_table(config: Config) -> str:
    """The nftables table of the cluster's network policies; the dot keeps it from being a cluster's name."""
    return f"{nft_table(config)}.policies"


def prepare(config: Config, node: str) -> None:
    """containerd's configuration, the pause image's archive, and the directory of the static pods' manifests. Raises
    ``containerd.CannotRun``."""
    from podo.node.images import pause

    mirrors = {"_default": config.registry_mirror} if config.registry_mirror else {}
    containerd.prepare(containerd_directory(config, node), mirrors=mirrors, fallback=config.registry_fallback)
    config.manifests(node).mkdir(mode=0o700, parents=True, exist_ok=True)
    archive = directory(config, node) / PAUSE_ARCHIVE
    if not archive.exists():
        pause.write_archive(archive)


async def load_image(config: Config, node: str, archive: Path) -> list[str]:
    """Load every image of an archive (an absolute path); their names. Raises ImageProblem."""
    runtime = await containerd.ready(containerd_directory(config, node), SystemClock())
    try:
        return await runtime.load_image(archive)
    except RuntimeFailure as failure:
        raise ImageProblem(failure.message) from failure
    finally:
        await runtime.stop()


async def list_images(config: Config, node: str) -> list[Image]:
    runtime = await containerd.ready(containerd_directory(config, node), SystemClock())
    try:
        return await runtime.list_images()
    finally:
        await runtime.stop()


async def remove_images(config: Config, node: str, names: Sequence[str]) -> dict[str, list[str]]:
    """Remove images of a node: for each name that it had, all names that the image was known by. Nothing is removed
    where a container or a volume uses one of them. Raises ImageProblem."""
    runtime = await containerd.ready(containerd_directory(config, node), SystemClock())
    try:
        found = {name: image for name in names if (image := await runtime.find_image(name))}
        users = await _users(runtime, {image.id for image in found.values()})
        for name, image in found.items():
            if why := users.get(image.id) or ("the node itself" if is_pause(image) else ""):
                raise ImageProblem(f"{name} is in use by {why}")
        for image in {image.id: image for image in found.values()}.values():
            await runtime.remove_image(image.id)
        return {name: [tag for tag in image.names if "@" not in tag] for name, image in found.items()}
    except RuntimeFailure as failure:
        raise ImageProblem(failure.message) from failure
    finally:
        await runtime.stop()


async def _users(runtime: CriRuntime, images: Collection[str]) -> dict[str, str]:
    """Of these images (ids), those that something uses, and one thing that does."""
    found = dict.fromkeys(set(images) & await runtime.viewed_images(), "a volume")
    if not images:
        return found
    for container in await runtime.list_containers():
        used = await runtime.find_image(container.image_id or container.image)
        if used is not None and used.id in images:
            marks = container.labels
            pod = f"{marks.get(labels.POD_NAMESPACE, '')}/{marks.get(labels.POD_NAME, '')}"
            found[used.id] = f"container {container.name} of pod {pod}"
    return found


def remove(config: Config, node: str, process: ProcessId | None) -> None:
    """End every container of the node and take away what the kernel holds of it; its directory stays."""
    place = containerd_directory(config, node)
    if process and process.alive:
        asyncio.run(_remove_pods(place))
        process.end(STOP_SECONDS)
    asyncio.run(containerd.sweep(place))
    asyncio.run(containerd.sweep(directory(config, node)))  # volumes: tmpfs mounts of pods
    Cgroups(cgroup(config, node)).remove_all()
    _remove_tables(config)
    asyncio.run(_remove_routes(config))


async def _remove_pods(place: Path) -> None:
    """Through the runtime, while it answers: it knows how to undo each pod's network."""
    try:
        runtime = await containerd.ready(place, SystemClock(), deadline_seconds=5)
    except RuntimeFailure as failure:
        log.warning("containerd does not answer; what it ran is killed", why=failure.message)
        return
    try:
        await containerd.remove_pods(runtime)
    except RuntimeFailure as failure:
        log.warning("not every pod was removed; the rest is killed", why=failure.message)
    finally:
        await runtime.stop()


def _remove_tables(config: Config) -> None:
    from podo.network.services.nftables import Nftables, NftFailed
    from podo.network.services.table import delete_text

    try:
        nftables = Nftables()
        nftables.run(delete_text(nft_table(config)) + delete_text(policy_table(config)))
        nftables.close()
    except NftFailed as failure:
        log.warning("the nftables tables stay", table=nft_table(config), why=str(failure))


async def _remove_routes(config: Config) -> None:
    from podo.network.pods import routes

    try:
        await routes.remove(config.pod_cidr)
    except OSError as failure:
        log.warning("the routes to pods stay", cidr=config.pod_cidr, why=str(failure))
