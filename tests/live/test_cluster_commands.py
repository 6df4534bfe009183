"""The ``podo`` command: what it answers, with which exit code, and that ``down --purge`` leaves no trace."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from podo.node.images import oci
from tests.live import manifests, processes
from tests.live.footprint import footprint, own
from tests.live.kubectl import Kubectl
from tests.live.machine import needs_containerd, needs_root
from tests.live.podo import IMAGES, PATIENTLY, Cluster, cluster, podo
from tests.live.registry import data_image
from tests.live.waiting import eventually

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def simulated() -> Iterator[Cluster]:
    with cluster("commands", "simulated") as made:
        yield made


def mark_real(test):  # type: ignore[no-untyped-def]
    return needs_root(needs_containerd(test))


@mark_real
def test_purge_leaves_no_trace(kubectl: Kubectl, tmp_path: Path) -> None:
    """Beside another cluster, with pods, Services and volumes of its own."""
    with cluster("traces", start=False) as made:
        before = footprint(made)
        made.up()
        made.load_images("pause", "busybox", "nginx")
        oci.write_archive(tmp_path / "data.tar", [data_image([oci.File("/a", b"1")], [oci.File("/b", b"2")])])
        made.podo("image load", str(tmp_path / "data.tar"))
        volumes = [
            {"name": "memory", "emptyDir": {"medium": "Memory"}},
            {"name": "image", "image": {"reference": "podo.local/data:1"}},
        ]
        mounts = [{"name": volume["name"], "mountPath": f"/{volume['name']}"} for volume in volumes]
        objects = [
            manifests.deployment("web", replicas=2),
            manifests.service("web", type="NodePort"),
            manifests.pod("memory", manifests.shell(volumeMounts=mounts), volumes=volumes),
        ]
        made.kubectl("apply", "-f", "-", given=objects)
        made.kubectl("rollout", "status", "deployment/web", "--timeout=120s")
        made.kubectl("wait", "pod/memory", "--for=condition=Ready", "--timeout=120s")
        during = own(made, footprint(made), made.kubectl.path("{.items[0].spec.podCIDR}", "nodes"))
        assert {"credentials", "image", "memory"} <= {Path(mount).name for mount in during["mounts"]}
        added = {sort: during[sort] - before[sort] for sort in before}
        for sort in set(added) - {"CNI", "containerd"}:  # of which nothing may be there
            assert added[sort], f"the test would not notice {sort} left behind: {added}"
        ended = made.podo("down", "--purge")
        assert ended.code == 0, str(ended)
        after = footprint(made)
        left = {sort: sorted(added[sort] & after[sort]) for sort in added if added[sort] & after[sort]}
        assert not left, left
        config = yaml.safe_load(made.kubeconfig.read_text())
        assert (config["clusters"], config["contexts"], config["users"]) == ([], [], [])
    assert kubectl("get", "nodes", "-o", "name") == "node/node-1\n"  # the other cluster did not notice


@mark_real
def test_a_second_cluster_beside_the_first(kubectl: Kubectl, shared_cluster: Cluster) -> None:
    """By the same name even, in a directory of its own: cgroups and tables do not meet either."""
    kubectl("apply", "-f", "-", given=[manifests.deployment("web"), manifests.service("web", 8080)])
    with cluster(shared_cluster.name.rpartition("-")[0]) as other:
        assert other.name == shared_cluster.name
        other.load_images("busybox")
        other.kubectl("apply", "-f", "-", given=manifests.pod("it"))
        other.kubectl("wait", "pod/it", "--for=condition=Ready", "--timeout=120s")
        ranges = {one.kubectl.path("{.spec.clusterIP}", "service", "kubernetes", "-n", "default").split(".")[1]
                  for one in (other, shared_cluster)}  # fmt: skip
        assert len(ranges) == 2  # their addresses do not meet
        asked = kubectl.path("{.spec.clusterIP}", "service/web")
        eventually(
            lambda: b"nginx" in subprocess.run(["curl", "-sm2", f"{asked}:8080"], capture_output=True).stdout,
            "it answers",
        )
    eventually(
        lambda: b"nginx" in subprocess.run(["curl", "-sm2", f"{asked}:8080"], capture_output=True).stdout, "it answers"
    )


@mark_real
def test_two_clusters_start_at_the_same_moment() -> None:
    """Neither takes the ports, addresses or names of the other."""
    with cluster("one", start=False) as one, cluster("two", start=False) as two:
        with ThreadPoolExecutor() as pool:
            ups = list(pool.map(lambda made: made.podo("up", "--runtime", "containerd", *PATIENTLY), (one, two)))
        logs = [made.podo("logs", "--tail", "40").out for made, up in zip((one, two), ups, strict=True) if up.code]
        assert [up.code for up in ups] == [0, 0], "\n".join([*map(str, ups), *logs])
        assert one.status()["server"] != two.status()["server"]
        for made in (one, two):
            assert made.kubectl("get", "nodes").count(" Ready ") == 1


@mark_real
def test_image_list(shared_cluster: Cluster) -> None:
    listed = shared_cluster.podo("image list")
    assert listed.code == 0 and re.match(r"NODE +IMAGE +ID +SIZE\n", listed.out)
    assert re.search(r"^node-1 +docker.io/library/nginx:1.14.2 +[0-9a-f]{12} +[\d.]+ MB$", listed.out, re.M), listed.out


@mark_real
def test_image_rm_takes_what_nobody_uses(shared_cluster: Cluster, kubectl: Kubectl, tmp_path: Path) -> None:
    made = data_image([oci.File("/f", b"x")], names=("podo.local/unused:1", "podo.local/unused:2"))
    oci.write_archive(tmp_path / "unused.tar", [made])
    shared_cluster.podo("image load", str(tmp_path / "unused.tar"))
    kubectl("run", "uses", "--image=busybox:1.28", "--command", "--", "sleep", "600")
    kubectl("wait", "pod/uses", "--for=condition=Ready", "--timeout=120s")
    used = shared_cluster.podo("image rm", "podo.local/unused:1", "busybox:1.28")
    assert (used.code, "is in use by container" in used.err) == (6, True), str(used)
    assert "podo.local/unused:1" in shared_cluster.podo("image list").out
    removed = shared_cluster.podo("image rm", "podo.local/unused:1")
    assert (removed.code, "podo.local/unused:2" in removed.err) == (0, True), str(removed)
    assert "podo.local/unused" not in shared_cluster.podo("image list").out
    absent = shared_cluster.podo("image rm", "podo.local/unused:1")
    assert (absent.code, absent.err) == (3, "error: no node has podo.local/unused:1\ntry:   podo image list\n")
    assert shared_cluster.podo("image rm", "podo.local/pause:1").code == 6


def test_image_load_refuses_what_is_none(shared_cluster: Cluster, tmp_path: Path) -> None:
    absent = shared_cluster.podo("image load", str(tmp_path / "absent.tar"))
    assert (absent.code, absent.err) == (3, f"error: no file {tmp_path}/absent.tar\ntry:   make images\n")
    (tmp_path / "words.tar").write_text("not an archive")
    wrong = shared_cluster.podo("image load", str(tmp_path / "words.tar"))
    assert wrong.code == 1 and wrong.err.startswith(f"error: {tmp_path}/words.tar: "), str(wrong)


def test_up_again_changes_nothing(simulated: Cluster) -> None:
    before = simulated.status()
    simulated.up()
    assert simulated.status() == before


def test_a_cluster_stays_what_it_is(simulated: Cluster) -> None:
    refused = simulated.podo("up", "--nodes", "3")
    assert refused.code == 6
    assert f"error: cluster {simulated.name} has nodes 1; it cannot become 3\ntry:   podo down --purge" in refused.err


def test_status_in_words_and_as_json(simulated: Cluster) -> None:
    words = simulated.podo("status")
    first = f"cluster {simulated.name}: https://127.0.0.1:{simulated.port}, 1 simulated node(s)"
    assert words.code == 0 and first in words.out
    assert re.search(r"^supervisor +\d+ +ready +\w+ +0", words.out, re.M)
    facts = simulated.status()
    assert facts["ready"] and facts["running"] and facts["server"] == f"https://127.0.0.1:{simulated.port}"
    for component in facts["components"]:
        assert component.keys() >= {"name", "pid", "state", "since"} and component["state"] == "ready"
        assert Path(f"/proc/{component['pid']}/cmdline").read_bytes().find(b"podo") > 0


def test_logs(simulated: Cluster) -> None:
    assert "podo.server: ready" in simulated.podo("logs", "server").out
    assert "==> supervisor <==" in (every := simulated.podo("logs").out) and "==> server <==" in every
    assert len(simulated.podo("logs", "server", "--tail", "1").out.splitlines()) == 1
    absent = simulated.podo("logs", "scheduler")
    assert absent.code == 3 and "no component 'scheduler'" in absent.err
    assert "one of: audit, server, supervisor" in absent.err


def test_the_audit_log_is_shown_when_asked_for_only(simulated: Cluster) -> None:
    assert "==> audit <==" not in simulated.podo("logs").out
    simulated.kubectl("create", "configmap", "recorded")
    lines = eventually(lambda: simulated.podo("logs", "audit").out.splitlines(), "a line in the audit log")
    assert json.loads(lines[0])["kind"] == "Event"  # the last one may be being written


def test_kubeconfig(simulated: Cluster, tmp_path: Path) -> None:
    printed = simulated.podo("kubeconfig")
    document = yaml.safe_load(printed.out)
    assert document["current-context"] == f"podo-{simulated.name}"
    mine = tmp_path / "mine"
    mine.write_text(yaml.safe_dump({"contexts": [{"name": "work", "context": {}}], "current-context": "work"}))
    assert simulated.podo("kubeconfig", "--kubeconfig", str(mine)).code == 0
    merged = yaml.safe_load(mine.read_text())
    assert [context["name"] for context in merged["contexts"]] == ["work", f"podo-{simulated.name}"]
    assert Kubectl(mine, f"podo-{simulated.name}")("get", "nodes", "-o", "name") == "node/node-1\n"
    assert mine.stat().st_mode & 0o777 == 0o600
    mine.write_text("just words")
    assert simulated.podo("kubeconfig", "--kubeconfig", str(mine)).code == 1
    assert mine.read_text() == "just words"


def test_images_of_simulated_nodes(simulated: Cluster) -> None:
    refused = simulated.podo("image list")
    assert refused.code == 6 and "simulated nodes have no images" in refused.err


def test_version() -> None:
    said = podo("version")
    assert said.code == 0 and re.search(r"v1\.37\.\d+\+podo\.", said.out), str(said)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["up", "--runtime", "magic"], 2, "invalid choice"),
        (["up", "--wait", "soon"], 2, "is not a duration"),
        (["up", "--nodes", "many"], 2, "invalid int"),
        (["up", "--runtime", "simulated", "--nodes", "-1"], 2, "nodes -1: 1 to 16384"),
        (["up", "--runtime", "simulated", "--port", "99999"], 2, "port 99999: 1 to 65535"),
        (["fly"], 2, "invalid choice: 'fly'"),
        (["status"], 3, "no cluster in"),
        (["down"], 3, "no cluster in"),
        (["down", "--purge"], 3, "no cluster in"),
        (["kubeconfig"], 3, "no cluster in"),
        (["logs"], 3, "no cluster in"),
        (["image", "list"], 3, "no cluster in"),
    ],
)  # fmt: skip
def test_a_wrong_call(tmp_path: Path, arguments: list[str], code: int, words: str) -> None:
    ended = podo(
        *arguments,
        *([] if arguments == ["fly"] else ["--data-dir", str(tmp_path / "d")]),
        KUBECONFIG=str(tmp_path / "k"),
    )
    assert ended.code == code, str(ended)
    assert words in ended.err and "Traceback" not in ended.err, str(ended)
    assert not (tmp_path / "k").exists()
    assert not (tmp_path / "d" / "config.json").exists()


def test_a_name_that_is_none(tmp_path: Path) -> None:
    ended = podo("up", "--runtime", "simulated", "--name", "Not_A_Name", "--data-dir", str(tmp_path / "d"))
    assert ended.code == 2 and "name 'Not_A_Name': lower-case letters" in ended.err, str(ended)


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = podo("up", "--runtime", "simulated", "--port", str(port), "--data-dir", str(tmp_path / "d"))
    assert ended.code == 6, str(ended)
    assert f"port {port} is in use at 127.0.0.1" in ended.err and "try:   podo up --port" in ended.err


def test_a_wrong_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = podo("up", "--runtime", "simulated", "--data-dir", str(tmp_path / "file" / "d"))
    assert ended.code == 6 and f"cannot write in {tmp_path}/file/d: " in ended.err, str(ended)


@needs_root
@needs_containerd
def test_a_directory_too_deep_for_sockets() -> None:
    ended = podo("up", "--runtime", "containerd", "--data-dir", f"/tmp/{'x' * 80}")
    assert ended.code == 6 and "path is longer than 64 bytes" in ended.err, str(ended)


def test_a_kubeconfig_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "k").write_text("just words")
    ended = podo("up", "--runtime", "simulated", "--data-dir", str(tmp_path / "d"), "--kubeconfig", str(tmp_path / "k"))
    assert ended.code == 6 and f"{tmp_path}/k: not a kubeconfig" in ended.err, str(ended)
    assert (tmp_path / "k").read_text() == "just words"
    podo("down", "--purge", "--data-dir", str(tmp_path / "d"), "--kubeconfig", str(tmp_path / "k"))


def test_a_damaged_configuration(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    ended = podo("status", "--data-dir", str(tmp_path))
    assert ended.code == 6 and "config.json is damaged" in ended.err, str(ended)


def test_not_running_and_running_again(tmp_path: Path) -> None:
    with cluster("stopped", "simulated", "--store", "sqlite") as made:
        made.kubectl("create", "configmap", "kept", "--from-literal=a=1")
        assert made.podo("down").code == 0
        status = made.podo("status")
        assert status.code == 4 and f"cluster {made.name} is not running" in status.err
        assert made.podo("image list").code == 4
        assert made.podo("down").code == 0  # twice does no harm
        made.up()
        assert made.kubectl.path("{.data.a}", "configmap/kept") == "1"


def test_a_start_that_takes_too_long() -> None:
    with cluster("slow", "simulated", start=False) as made:
        late = made.podo("up", "--runtime", "simulated", "--wait", "0.01s", "--port", str(made.port))
        assert late.code == 5 and "after 0.01 s the cluster still waits for" in late.err, str(late)
        assert re.search(r"\(.*its log (is empty|ends with: .+)\)", late.err), str(late)
        made.up()


@pytest.mark.parametrize("how", ["signal", "down"])
def test_foreground(how: str) -> None:
    with cluster("front", "simulated", start=False) as made:
        argv = [
            sys.executable,
            "-m",
            "podo",
            "up",
            "--foreground",
            "--runtime",
            "simulated",
            "--name",
            made.name,
            "--data-dir",
            str(made.data_dir),
            "--port",
            str(made.port),
            "--kubeconfig",
            str(made.kubeconfig),
        ]
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            eventually(lambda: made.podo("status").code == 0 and made.status()["ready"], "it is ready")
            assert made.kubectl("get", "nodes", "-o", "name") == "node/node-1\n"
            if how == "signal":
                process.terminate()
            else:
                assert made.podo("down").code == 0
            assert process.wait(60) == 0
        finally:
            process.kill()
            process.wait()
        assert made.podo("status").code == 4
        assert processes.mentioning(str(made.data_dir)) == {}


NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
#: Nobody may not be let into the directory of this Python; then Debian's runs podo with the same packages.
PACKAGES = os.pathsep.join([str(Path(sys.modules["podo"].__path__[0]).parent), sysconfig.get_path("purelib")])


def python_of_nobody() -> str:
    """A Python that a user without rights may run, and run again; "" if there is none."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        return ""
    again = (
        "import subprocess, sys; subprocess.check_call([sys.executable, '-c', 'import podo.cluster.launch, orjson'])"
    )
    for python in (sys.executable, "/usr/bin/python3"):
        argv = [*NOBODY, python, "-c", again]
        if subprocess.run(argv, env={"PYTHONPATH": PACKAGES}, capture_output=True, cwd="/").returncode == 0:
            return python
    return ""


@pytest.mark.skipif(not python_of_nobody(), reason="needs root, setpriv and a Python that nobody may run")
def test_without_root() -> None:
    with cluster("nobody", "simulated", start=False) as made:
        made.directory.chmod(0o777)
        argv = [*NOBODY, python_of_nobody(), "-m", "podo"]
        own = ["--name", made.name, "--data-dir", str(made.data_dir)]
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": PACKAGES, "KUBECONFIG": str(made.kubeconfig)}

        def run(verb: str, *more: str) -> subprocess.CompletedProcess[str]:
            whole = [*argv, verb, *own, *more]
            return subprocess.run(whole, env=environment, capture_output=True, text=True, timeout=300, cwd="/")

        refused = run("up", "--runtime", "containerd", "--port", str(made.port))
        assert refused.returncode == 6 and "no root" in refused.stderr and "sudo podo up" in refused.stderr, (
            refused.stderr
        )
        started = run("up", "--port", str(made.port))  # auto: simulated nodes, and it says why
        assert started.returncode == 0, started.stderr
        assert "nodes are simulated: for real containers this machine lacks root" in started.stderr
        assert made.kubectl("get", "nodes", "-o", "name") == "node/node-1\n"
        denied = run("up", "--port", str(made.port), "--data-dir", "/proc/nothing")
        assert denied.returncode == 6 and "cannot write in /proc/nothing" in denied.stderr, denied.stderr
        assert run("down", "--purge").returncode == 0
        assert not made.data_dir.exists()


def test_archives_are_there() -> None:
    """``make images`` has made what the live tests load."""
    assert all((IMAGES / f"{name}.tar").is_file() for name in ("pause", "busybox", "nginx"))
