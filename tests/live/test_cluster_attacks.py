"""Attacks that need real containers: out of a mount, out of a copy, past what a security context promises."""

from __future__ import annotations

import base64
import io
import tarfile
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.live.kubectl import Kubectl
from tests.live.waiting import eventually

pytestmark = pytest.mark.live

Obj = dict[str, Any]
SLEEP = ["sleep", "600"]


def pod(name: str, container: Obj | None = None, **spec: Any) -> Obj:
    main = {"name": "main", "image": "busybox:1.28", "imagePullPolicy": "Never", "command": SLEEP, **(container or {})}
    whole = {"containers": [main], "terminationGracePeriodSeconds": 0, **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": whole}


HARDENED = pod(
    "hardened",
    {
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        }
    },
    securityContext={
        "runAsNonRoot": True,
        "runAsUser": 1000,
        "runAsGroup": 1000,
        "supplementalGroups": [2000],
        "supplementalGroupsPolicy": "Strict",
        "seccompProfile": {"type": "RuntimeDefault"},
        "sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "80"}],
    },
)


def test_what_a_security_context_promises_is_so_in_the_container(kubectl: Kubectl) -> None:
    """What the level restricted asks for, seen by a process in the container itself."""
    rooted = pod("rooted", securityContext={"runAsNonRoot": True})
    unsafe = pod("unsafe", securityContext={"sysctls": [{"name": "kernel.msgmax", "value": "65536"}]})
    local = {"type": "Localhost", "localhostProfile": "none.json"}
    lost = pod("lost", {"securityContext": {"seccompProfile": local}})
    kubectl("create", "-f", "-", given=[HARDENED, rooted, unsafe, lost, pod("plain")])
    kubectl("wait", "--for=condition=Ready", "pod/hardened", "pod/plain", "--timeout=120s")
    seen = kubectl("exec", "hardened", "--", "cat", "/proc/self/status")
    status = dict(line.split(":\t", 1) for line in seen.splitlines() if ":\t" in line)
    assert status["Uid"].split() == status["Gid"].split() == ["1000"] * 4
    assert status["Groups"].split() == ["1000", "2000"] or status["Groups"].split() == ["2000"]
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert "Read-only file system" in kubectl.fails("exec", "hardened", "--", "touch", "/x")
    assert kubectl("exec", "hardened", "--", "cat", "/proc/sys/net/ipv4/ip_unprivileged_port_start").strip() == "80"
    for path in ("/proc/sys/kernel/hostname", "/proc/sysrq-trigger"):
        assert kubectl.run("exec", "plain", "--", "sh", "-c", f"echo x > {path}").code != 0
    assert kubectl("exec", "plain", "--", "sh", "-c", "cat /proc/kcore | wc -c").strip() == "0"
    waits = "{.status.containerStatuses[0].state.waiting.message}"
    said = eventually(lambda: kubectl.path(waits, "pod", "rooted"), "the refusal of root")
    assert "container has runAsNonRoot and image will run as root" in said
    said = eventually(lambda: kubectl.path(waits, "pod", "lost"), "the refusal of a profile")
    assert "cannot load seccomp profile" in said
    assert eventually(lambda: kubectl.path("{.status.reason}", "pod", "unsafe"), "a rejection") == "SysctlForbidden"


def test_a_link_in_a_volume_does_not_lead_a_mount_out_of_it(kubectl: Kubectl) -> None:
    """CVE-2017-1002101, CVE-2021-25741: an init container lays a link, the next one mounts what is behind it."""
    mount = {"name": "v", "mountPath": "/v"}
    lay = "ln -s / /v/root; ln -s ../../../../.. /v/up; mkdir /v/fine"
    first = {"name": "lay", "image": "busybox:1.28", "imagePullPolicy": "Never", "command": ["sh", "-c", lay]}
    for name, below in (("root", "root"), ("up", "up/etc"), ("fine", "fine")):
        made = pod(
            name,
            {"volumeMounts": [{"name": "v", "mountPath": "/mnt", "subPath": below}]},
            initContainers=[{**first, "volumeMounts": [mount]}],
            volumes=[{"name": "v", "emptyDir": {}}],
        )
        kubectl("create", "-f", "-", given=made)
    kubectl("wait", "--for=condition=Ready", "pod/fine", "--timeout=120s")
    for name in ("root", "up"):
        reason = partial(_refused, kubectl, name)
        assert eventually(reason, "the refusal of the mount") == "CreateContainerConfigError"


def _refused(kubectl: Kubectl, name: str) -> str:
    """Why the pod's main container waits, once its init containers are done."""
    found = kubectl.path("{.status.containerStatuses[0].state.waiting.reason}", "pod", name)
    return found if found != "PodInitializing" else ""


def test_a_copy_does_not_leave_the_directory_it_is_for(kubectl: Kubectl, tmp_path: Path) -> None:
    """CVE-2018-1002100, CVE-2019-11246: the container's tar sends paths and links that climb."""
    kubectl("create", "-f", "-", given=pod("liar"))
    kubectl("wait", "--for=condition=Ready", "pod/liar", "--timeout=120s")
    evil = base64.b64encode(_climbing()).decode()
    lie = f"echo {evil} | base64 -d > /evil.tar; rm /bin/tar; printf '#!/bin/sh\\ncat /evil.tar\\n' > /bin/tar"
    kubectl("exec", "liar", "--", "sh", "-c", f"{lie}; chmod +x /bin/tar")
    target = tmp_path / "here"
    target.mkdir()
    kubectl.run("cp", "liar:/data", str(target / "data"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["here"]
    assert not any(path.is_symlink() for path in tmp_path.rglob("*"))


def _climbing() -> bytes:
    found = io.BytesIO()
    with tarfile.open(fileobj=found, mode="w") as archive:
        for name in ("data/../../climbed", "../climbed", "/climbed"):
            member = tarfile.TarInfo(name)
            member.size = 4
            archive.addfile(member, io.BytesIO(b"evil"))
        link = tarfile.TarInfo("data/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/tmp"
        archive.addfile(link)
    return found.getvalue()
