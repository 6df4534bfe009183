"""containerd's configuration, from the facts of the machine: what is looked at, what is missing, and the text of
config.toml.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

SANDBOX_IMAGE = "podo.local/pause:1"
#: A unix socket's path must be shorter (sun_path).
SOCKET_PATH_LIMIT = 108
CAP_SYS_RESOURCE = 24
CNI_DIRECTORIES = ("/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni")
NEEDED_PLUGINS = ("ptp", "host-local", "loopback")
#: Debian's packages of what is needed.
PACKAGES = "containerd runc containernetworking-plugins"

_DISABLED = (
    "snapshotter.v1.aufs",
    "snapshotter.v1.btrfs",
    "snapshotter.v1.devmapper",
    "snapshotter.v1.zfs",
    "internal.v1.restart",
)


class CannotRun(Exception):
    """The machine lacks something that containerd needs; the message says what, and the command that mends it."""


@dataclass(frozen=True, slots=True)
class Paths:
    """Where an instance keeps what."""

    directory: Path

    @property
    def config(self) -> Path:
        return self.directory / "config.toml"

    @property
    def socket(self) -> Path:
        return self.directory / "c.sock"

    @property
    def state(self) -> Path:
        return self.directory / "state"

    @property
    def cni_configs(self) -> Path:
        """Where the node writes its conflist (``podo.node.cni``)."""
        return self.directory / "cni"

    @property
    def cni_data(self) -> Path:
        """The addresses that host-local gave out."""
        return self.directory / "ipam"

    @property
    def registries(self) -> Path:
        """A directory a registry with a ``hosts.toml``; read at each pull."""
        return self.directory / "certs.d"


def command(directory: Path) -> list[str]:
    """What the supervisor runs. (Here and not beside the rest: the supervisor is to stay without an event loop.)"""
    return ["containerd", "--config", str(Paths(directory).config), "--log-level", "warn"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What the configuration depends on. Paths are empty where a program is absent."""

    containerd: str
    runc: str
    crun: str
    cni_directory: str
    may_raise_priority: bool  # lower an oom_score_adj: CAP_SYS_RESOURCE
    hybrid_cgroups: bool  # cgroup v1 with a v2 hierarchy beside it, which crun refuses


def facts() -> Facts:
    """Look at this machine."""
    from shutil import which  # brings compressors that the supervisor has no use for

    status = Path("/proc/self/status").read_text()
    capabilities = int(next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff:")), 16)
    kinds = {line.split()[2] for line in Path("/proc/mounts").read_text().splitlines()}
    return Facts(
        containerd=which("containerd") or "",
        runc=_program("runc"),
        crun=_program("crun"),
        cni_directory=next((one for one in CNI_DIRECTORIES if _has_plugins(one)), ""),
        may_raise_priority=bool(capabilities >> CAP_SYS_RESOURCE & 1),
        hybrid_cgroups={"cgroup", "cgroup2"} <= kinds,
    )


def problems(found: Facts) -> list[str]:
    """Why containerd cannot run here; [] if it can."""
    mend = f"apt-get install {PACKAGES}"
    missing = [name for name in ("containerd", "runc") if not getattr(found, name)]
    told = [f"{name} is not installed: {mend}" for name in missing]
    if not found.cni_directory:
        told.append(f"the CNI plug-ins {', '.join(NEEDED_PLUGINS)} are in none of {', '.join(CNI_DIRECTORIES)}: {mend}")
    if os.geteuid() != 0:
        told.append("containers need root: run as root, or take simulated nodes (--runtime simulated)")
    return told


def config_text(paths: Paths, found: Facts) -> str:
    """config.toml, version 2 of its format: containerd 1.6 to 2.x read it."""
    cri = 'plugins."io.containerd.grpc.v1.cri"'
    place = paths.directory
    tables: list[tuple[str, dict[str, object]]] = [
        (
            "",
            {
                "version": 2,
                "root": str(place / "root"),
                "state": str(paths.state),
                "oom_score": -999 if found.may_raise_priority else 0,
                "disabled_plugins": ["io.containerd." + name for name in _DISABLED],
            },
        ),
        ("grpc", {"address": str(paths.socket)}),
        ("ttrpc", {"address": str(place / "c.ttrpc")}),
        ('plugins."io.containerd.internal.v1.opt"', {"path": str(place / "opt")}),
        (
            cri,
            {
                "sandbox_image": SANDBOX_IMAGE,
                "stream_server_address": "127.0.0.1",
                "stream_server_port": "0",
                "netns_mounts_under_state_dir": True,
                "restrict_oom_score_adj": not found.may_raise_priority,
                "disable_hugetlb_controller": True,
                "tolerate_missing_hugetlb_controller": True,
                "disable_apparmor": not Path("/sys/kernel/security/apparmor").exists(),
            },
        ),
        (cri + ".cni", {"bin_dir": found.cni_directory, "conf_dir": str(paths.cni_configs), "max_conf_num": 1}),
        (cri + ".containerd", {"snapshotter": "overlayfs", "default_runtime_name": "runc"}),
        (cri + ".registry", {"config_path": str(paths.registries)}),
    ]
    handlers = {"runc": found.runc}
    if found.crun and not found.hybrid_cgroups:
        handlers["crun"] = found.crun
    for handler, binary in handlers.items():
        table = f"{cri}.containerd.runtimes.{handler}"
        options = {"SystemdCgroup": False, "BinaryName": binary, "Root": str(place / handler)}
        tables += [(table, {"runtime_type": "io.containerd.runc.v2"}), (table + ".options", options)]
    return "\n".join(_table(name, values) for name, values in tables)


def _table(name: str, values: dict[str, object]) -> str:
    # what is a number, a boolean, a string or a list of strings is written the same in TOML and JSON
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    return "\n".join([f"[{name}]", *lines] if name else lines) + "\n"


def write_mirror(directory: Path, url: str, *, fallback: bool = True) -> None:
    """A mirror is asked first, and what it lacks the registry itself; without ``fallback`` the mirror alone."""
    directory.mkdir(parents=True, exist_ok=True)
    quoted = json.dumps(url)
    only = "" if fallback else f"server = {quoted}\n"
    text = f'{only}[host.{quoted}]\n  capabilities = ["pull", "resolve"]\n'
    (directory / "hosts.toml").write_text(text)


def _program(name: str) -> str:
    """Also where a user's PATH does not look."""
    from shutil import which

    return which(name) or which(name, path="/usr/sbin:/sbin:/usr/local/sbin") or ""


def _has_plugins(directory: str) -> bool:
    return all(os.access(f"{directory}/{plugin}", os.X_OK) for plugin in NEEDED_PLUGINS)
