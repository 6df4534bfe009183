"""The machine of a real node: directories below the data directory, volumes, cgroups, probes over the network.

Below ``data_dir``: ``pods/UID/`` (volumes, etc-hosts, termination messages), ``credentials/UID/`` (volumes in memory),
``logs/NAMESPACE_NAME_UID/`` (containers' logs), ``volumes/PERSISTENTVOLUME/``.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.api.meta import name_of, namespace_of, uid_of
from podo.client.contract import Unreachable
from podo.node import devices, labels, podspec
from podo.node.admitting import amounts_of
from podo.node.cgroups import Cgroups
from podo.node.config import NodeConfig
from podo.node.hosts import Dns, ResolvConf, dns_of, hosts_file, parse_resolv_conf
from podo.node.lastwords import FROM_LOGS, last_lines, last_words
from podo.node.machine import MachineFailure, NodeFacts, ProbeResult, Target, Usage
from podo.node.probes.asking import ask
from podo.node.probes.hooks import run_hook
from podo.node.runtimes.contract import Container, Image, Mount, Runtime, RuntimeFailure
from podo.node.sources import Sources
from podo.node.system import System, machine_usage
from podo.node.volumes.credentialdisk import CredentialDisk
from podo.node.volumes.persistent import PersistentVolumes
from podo.node.volumes.podvolumes import PodVolumes

TERMINATION_LOG = "/dev/termination-log"
HOSTS = "/etc/hosts"


class LinuxMachine:
    """See ``podo.node.machine.Machine``. File work is short and local, so it is done in the loop; what walks
    through emptyDirs, which may be large, is done beside it."""

    def __init__(self, config: NodeConfig, runtime: Runtime, sources: Sources) -> None:
        self._config = config
        self._runtime = runtime
        self._system = System(config)
        self._pods = config.data_dir / "pods"
        self._logs = config.data_dir / "logs"
        self._cgroups = Cgroups(config.cgroup)
        capacity = self._system.capacity
        self._sources = sources
        persistent = PersistentVolumes(sources, config.name, config.volumes)
        self._credentials = CredentialDisk(config.data_dir / "credentials", capacity.memory)
        self._volumes = PodVolumes(self._pods, sources, amounts_of(capacity), persistent, self._credentials)

    def facts(self) -> NodeFacts:
        return self._system.facts()

    # Pods

    async def prepare(self, pod: Obj) -> None:
        self._make_directories(pod)
        try:
            await self._volumes.prepare(pod)
        except (ApiError, Unreachable) as failure:
            raise MachineFailure(
                "FailedMount", f"cannot read what the pod's volumes are made from: {failure}"
            ) from failure
        try:
            await devices.prepare(pod, self._sources.resource_claim)
        except (ApiError, Unreachable) as failure:
            raise MachineFailure(
                "FailedPrepareDynamicResources", f"cannot read resource claims: {failure}"
            ) from failure

    def _make_directories(self, pod: Obj) -> None:
        directory = self._volumes.directory(uid_of(pod))
        try:
            directory.mkdir(parents=True, exist_ok=True)
            directory.chmod(0o750)
            Path(self.log_directory(pod)).mkdir(parents=True, exist_ok=True)
        except OSError as failure:
            raise MachineFailure(
                "FailedCreatePodDirectory", f"cannot make the pod's directories: {failure}"
            ) from failure

    async def refresh(self, pod: Obj) -> None:
        await self._volumes.refresh(pod)

    async def ran_sandbox(self, pod: Obj) -> None:
        self._cgroups.limit(pod)

    async def limit(self, pod: Obj) -> None:
        self._cgroups.limit(pod)

    def share(self, pods: Sequence[Obj]) -> None:
        self._cgroups.share(pods, int(self._system.capacity.cpus * 1000))

    def cgroup_parent(self, pod: Obj) -> str:
        return self._cgroups.parent(pod)

    def log_directory(self, pod: Obj) -> str:
        return str(self._logs / f"{namespace_of(pod)}_{name_of(pod)}_{uid_of(pod)}")

    def dns(self, pod: Obj) -> Dns:
        try:
            own = parse_resolv_conf(self._config.resolv_conf.read_text(errors="replace"))
        except OSError:
            own = ResolvConf([], [], [])
        return dns_of(pod, own, self._config.cluster_dns, self._config.cluster_domain)

    async def clean_up(self, uid: str, everything: bool) -> None:
        if self._volumes.has_images(uid):
            self._volumes.unmount(uid)
            await self._runtime.release_images(uid)
        await self._volumes.clean_up(uid, everything)
        if everything:
            for directory in self._logs.glob(f"*_{uid}"):
                shutil.rmtree(directory, ignore_errors=True)
            self._cgroups.remove(uid)

    def usage(self, pod: Obj, containers: Sequence[Container], whole: bool = False) -> Usage | None:
        if whole:
            return self._cgroups.usage(pod)
        found = [self._cgroups.usage(pod, container.id) for container in containers]
        known = [each for each in found if each]
        if not known:
            return None
        return Usage(
            sum(each.cpu_nanos for each in known),
            sum(each.memory for each in known),
            sum(each.working_set for each in known),
        )

    def node_usage(self, pods: Sequence[Usage]) -> Usage:
        return machine_usage()

    async def exceeded(self, pod: Obj) -> str:
        return await asyncio.to_thread(self._volumes.exceeded, pod)  # directories may be large

    def left_overs(self) -> list[str]:
        directories = {entry.name for entry in os.scandir(self._pods)} if self._pods.is_dir() else set()
        return sorted(directories | self._cgroups.pods() | self._credentials.pods())

    # Containers

    async def mounts(
        self, pod: Obj, container: Obj, attempt: int, ips: Sequence[str], environment: Mapping[str, str]
    ) -> list[Mount]:
        try:
            found = self._volumes.mounts(pod, container, environment)
            taken = {mount.container_path.rstrip("/") for mount in found}
            if HOSTS not in taken:
                found.append(Mount(str(self._write_hosts(pod, ips)), HOSTS))
            path = container.get("terminationMessagePath") or TERMINATION_LOG
            if path not in taken:
                found.append(Mount(str(self._make_termination_log(pod, container, attempt)), path))
            return found
        except OSError as failure:
            raise MachineFailure("FailedMount", f"cannot make the container's files: {failure}") from failure

    async def mount_image(self, pod: Obj, volume: Obj, image: Image) -> None:
        try:
            found = await self._runtime.view_image(image.id, f"{uid_of(pod)}/{volume['name']}")
        except RuntimeFailure as failure:
            text = f'MountVolume.SetUp failed for volume "{volume["name"]}" : {failure.message}'
            raise MachineFailure("FailedMount", text) from failure
        self._volumes.mount_image(pod, volume, found)

    def _write_hosts(self, pod: Obj, ips: Sequence[str]) -> Path:
        path = self._volumes.directory(uid_of(pod)) / "etc-hosts"
        own = Path(HOSTS).read_text(errors="replace") if podspec.is_host_network(pod) else ""
        text = hosts_file(pod, ips, self._config.cluster_domain, own)
        if not path.exists() or path.read_text() != text:
            path.write_text(text)  # in place: it is mounted
            path.chmod(0o644)
        return path

    def _termination_log(self, uid: str, name: str, attempt: int) -> Path:
        return self._volumes.directory(uid) / "containers" / name / f"{attempt}.message"

    def _make_termination_log(self, pod: Obj, container: Obj, attempt: int) -> Path:
        path = self._termination_log(uid_of(pod), container["name"], attempt)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
        path.chmod(0o666)
        return path

    def last_words(self, container: Container) -> str:
        uid = container.labels.get(labels.POD_UID, "")
        if not uid:
            return ""
        said = last_words(self._termination_log(uid, container.name, container.attempt))
        policy = container.annotations.get(labels.TERMINATION_POLICY)
        if said or policy != FROM_LOGS or container.exit_code == 0 or not container.log_path:
            return said
        return last_lines(Path(container.log_path))

    # Probes and hooks

    async def probe(self, target: Target, probe: Obj) -> ProbeResult:
        return await ask(self._runtime, target, probe)

    async def hook(self, target: Target, hook: Obj, timeout_seconds: float) -> ProbeResult:
        return await run_hook(self._runtime, target, hook, timeout_seconds)
