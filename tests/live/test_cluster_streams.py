"""Logs, exec, attach, cp and port-forward: bytes between kubectl and containers, by way of API server and node."""

from __future__ import annotations

import re
import socket
import urllib.request
from pathlib import Path

import pytest

from tests.live import manifests
from tests.live.kubectl import Kubectl
from tests.live.machine import needs_containerd, needs_root
from tests.live.waiting import eventually

pytestmark = [pytest.mark.live, needs_root, needs_containerd]


def run_pod(kubectl: Kubectl, *containers: manifests.Obj, name: str = "it", **spec: object) -> None:
    kubectl("apply", "-f", "-", given=manifests.pod(name, *containers, **spec))
    kubectl("wait", f"pod/{name}", "--for=condition=Ready", "--timeout=120s")


def test_logs_in_every_form(kubectl: Kubectl) -> None:
    script = "for n in 1 2 3 4 5; do echo line $n; done; sleep 2.5; echo oops >&2; " + manifests.WAIT
    run_pod(kubectl, manifests.shell(script), manifests.shell("echo beside; " + manifests.WAIT, name="side"))
    whole = "line 1\nline 2\nline 3\nline 4\nline 5\noops\n"
    eventually(lambda: kubectl("logs", "it", "-c", "main") == whole, "all lines")
    assert kubectl("logs", "it", "--tail=2", "-c", "main") == "line 5\noops\n"
    assert kubectl("logs", "it", "--since=1h", "-c", "main") == whole
    assert kubectl("logs", "it", "--limit-bytes=6", "-c", "main") == "line 1"
    stamped = kubectl("logs", "it", "--timestamps", "-c", "main").splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z (line \d|oops)$", line) for line in stamped), stamped
    later = kubectl("logs", "it", f"--since-time={stamped[-1].split()[0]}", "-c", "main")
    assert later.endswith("oops\n") and "line 1" not in later
    eventually(lambda: "beside\n" in kubectl("logs", "it", "--all-containers"), "the other container's line")
    assert "oops" in kubectl("logs", "it", "--all-containers")
    assert "[pod/it/side] beside" in kubectl("logs", "-l", "app=it", "--all-containers", "--prefix")
    assert "Defaulted container" in kubectl.run("logs", "it").err
    assert "container nothing is not valid for pod it" in kubectl.fails("logs", "it", "-c", "nothing")
    assert 'pods "absent" not found' in kubectl.fails("logs", "absent")


def test_old_lines_are_not_since(kubectl: Kubectl) -> None:
    run_pod(kubectl, manifests.shell("echo early; sleep 2; echo late; " + manifests.WAIT))
    eventually(lambda: "late" in kubectl("logs", "it"), "both lines")
    eventually(lambda: kubectl("logs", "it", "--since=2s") in ("late\n", ""), "early is too old")


def test_logs_follow_to_the_end(kubectl: Kubectl) -> None:
    script = "n=0; while [ ! -e /stop ]; do n=$((n+1)); echo tick $n; sleep 0.1; done; echo bye"
    run_pod(kubectl, manifests.shell(script), restartPolicy="Never")
    with kubectl.follow("logs", "-f", "--tail=1", "it") as log:
        log.until(r"tick 1\d\n")
        kubectl.run("exec", "it", "--", "touch", "/stop")  # the container may end before it does
        ended = log.end()
    assert ended.code == 0 and ended.out.endswith("bye\n")
    numbers = [int(n) for n in re.findall(r"tick (\d+)", ended.out)]
    assert numbers == list(range(numbers[0], numbers[-1] + 1))  # none lost, none twice


def test_logs_of_the_previous_container(kubectl: Kubectl) -> None:
    script = f"[ -e /data/again ] && {{ echo second; {manifests.WAIT}; }}; touch /data/again; echo first; exit 7"
    main = manifests.shell(script, volumeMounts=[{"name": "data", "mountPath": "/data"}])
    run_pod(kubectl, main, volumes=[{"name": "data", "emptyDir": {}}])
    eventually(lambda: kubectl("logs", "it") == "second\n", "the second run")
    assert kubectl("logs", "it", "--previous") == "first\n"
    run_pod(kubectl, manifests.shell(), name="fresh")
    assert 'previous terminated container "main" in pod "fresh" not found' in kubectl.fails(
        "logs", "fresh", "--previous"
    )


def test_exec_gives_streams_and_exit_codes(kubectl: Kubectl) -> None:
    run_pod(kubectl, manifests.shell())
    ended = kubectl.run("exec", "it", "--", "sh", "-c", "echo out; echo err >&2; exit 42")
    assert (ended.code, ended.out) == (42, "out\n")
    assert ended.err == "err\ncommand terminated with exit code 42\n"
    assert kubectl("exec", "-i", "it", "--", "cat", given="in and out") == "in and out"
    many = kubectl("exec", "it", "--", "sh", "-c", "seq 1 200000")
    assert many.splitlines()[-1] == "200000" and len(many.splitlines()) == 200000
    wrong = kubectl.run("exec", "it", "--", "no-such-program")
    assert wrong.code != 0 and "no-such-program" in wrong.err and "not found" in wrong.err
    assert "container nothing is not valid for pod it" in kubectl.fails("exec", "it", "-c", "nothing", "--", "true")
    assert 'pods "absent" not found' in kubectl.fails("exec", "absent", "--", "true")


def test_exec_in_a_terminal(kubectl: Kubectl) -> None:
    run_pod(kubectl, manifests.shell())
    with kubectl.follow("exec", "-it", "it", "--", "sh", terminal=True) as shell:
        shell.until(r"/ # ")
        shell.type("tty; echo $((6 * 7))\r")
        shell.until(r"/dev/(pts/\d+|console)\r\n42\r\n")
        shell.type("sh -c 'echo beg''un; exec sleep 100'\r")
        shell.until(r"begun\r\n")
        shell.forget()
        shell.type("\x03")  # Ctrl-C ends the program, not the session
        shell.until(r"/ # ")
        shell.type("echo still $((1 + 1))\r")
        shell.until(r"still 2\r\n")
        shell.type("exit 3\r")
        assert shell.end().code == 3


def test_attach_and_run(kubectl: Kubectl) -> None:
    run_pod(kubectl, manifests.shell("while read line; do echo got $line; done", stdin=True, stdinOnce=True))
    with kubectl.follow("attach", "-i", "it") as attached:
        attached.type("one\ntwo\n")
        attached.until(r"got one\ngot two\n")
    ended = kubectl.run("run", "once", "--image=busybox:1.28", "--restart=Never", "--rm", "-i", "--", "sh", "-c",
                        "read word; echo heard $word; exit 5", given="hello\n")  # fmt: skip
    assert "heard hello" in ended.out, str(ended)
    assert ended.code == 5, str(ended)
    eventually(lambda: kubectl("get", "pods", "-o", "name").split() == ["pod/it"], "the other pod's end")


def test_files_are_copied_both_ways(kubectl: Kubectl, tmp_path: Path) -> None:
    run_pod(kubectl, manifests.shell())
    there, back = tmp_path / "there", tmp_path / "back"
    (there / "sub").mkdir(parents=True)
    (there / "small").write_text("small\n")
    (there / "sub" / "large").write_bytes(bytes(range(256)) * 8192)  # 2 MiB
    kubectl("cp", str(there), "it:/tmp/copy")
    assert kubectl("exec", "it", "--", "cat", "/tmp/copy/small") == "small\n"
    kubectl("cp", "it:/tmp/copy", str(back))
    assert (back / "sub" / "large").read_bytes() == (there / "sub" / "large").read_bytes()
    assert (back / "small").read_text() == "small\n"


@pytest.mark.parametrize("target", ["pod/web", "service/web"])
def test_a_port_is_forwarded(kubectl: Kubectl, target: str) -> None:
    run_pod(kubectl, manifests.nginx(readinessProbe={"httpGet": {"port": 80}, "periodSeconds": 1}), name="web")
    kubectl("apply", "-f", "-", given=manifests.service("web"))
    with kubectl.follow("port-forward", target, ":80") as forward:
        port = int(forward.until(r"Forwarding from 127\.0\.0\.1:(\d+) -> 80")[1])
        for _ in range(3):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60) as answer:
                assert b"Welcome to nginx" in answer.read()
    with kubectl.follow("port-forward", "pod/web", ":81") as forward:  # nothing listens there
        port = int(forward.until(r"Forwarding from 127\.0\.0\.1:(\d+) -> 81")[1])
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            connection.sendall(b"x")
            forward.until("(?i)refused")


def test_many_execs_at_once(kubectl: Kubectl) -> None:
    run_pod(kubectl, manifests.shell())
    script = (
        "echo >> /tmp/here; until [ $(wc -l < /tmp/here) = 6 ]; do sleep 0.1; done; echo done {}"  # all of them run
    )
    follows = [kubectl.follow("exec", "it", "--", "sh", "-c", script.format(n)) for n in range(6)]
    running = [follow.__enter__() for follow in follows]
    try:
        for number, one in enumerate(running):
            assert one.end().out == f"done {number}\n"
    finally:
        for follow in follows:
            follow.__exit__(None, None, None)


def test_a_debugger_looks_into_a_running_container(kubectl: Kubectl) -> None:
    run_pod(kubectl, manifests.shell("exec sleep 1000"))
    debug = ("debug", "-it", "it", "--image=busybox:1.28", "--target=main", "-c", "debugger", "--", "sh")
    with kubectl.follow(*debug, terminal=True) as shell:
        shell.until(r"/ # ")
        shell.type("ps; echo $((6 * 7))\r")
        shell.until(r"sleep 1000[^$]*\r\n42\r\n")  # the target's processes are there
        shell.type("exit\r")
        assert shell.end().code == 0
    states = "{.status.ephemeralContainerStatuses[*].state.terminated.exitCode}"
    eventually(lambda: kubectl.path(states, "pod/it") == "0", "its end is told")
    eventually(lambda: "sleep 1000" in kubectl("logs", "it", "-c", "debugger"), "what it has shown")
    assert kubectl.path("{.status.phase}", "pod/it") == "Running"
    assert kubectl("debug", "it", "--image=busybox:1.28", "-c", "second", "--", "sleep", "1000") == ""
    running = "{.status.ephemeralContainerStatuses[?(@.name=='second')].state.running}"
    eventually(lambda: kubectl.path(running, "pod/it"), "the second runs")
    assert kubectl("exec", "it", "-c", "second", "--", "echo", "here") == "here\n"
