"""The container runtime contract: one suite for every implementation. The one over CRI runs where there is root and
containerd."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import pytest

from podo.node.runtimes.contract import (
    Container,
    ContainerSpec,
    Happened,
    Mount,
    Resources,
    Runtime,
    RuntimeFailure,
    SandboxSpec,
)
from podo.node.runtimes.simulated import SimulatedRuntime
from podo.runtime.chance import Chance
from podo.runtime.clock import SystemClock
from tests.live import containerd_instance

PATIENCE = 60.0  # seconds until a condition must hold: the machine may be busy


class Bench(Protocol):
    """An implementation, and how containers are told to behave on it."""

    #: Whether programs really run: output, exec and networks can be looked at.
    real: bool

    def run(self, story: Callable[[Runtime], Awaitable[None]]) -> None:
        """Tell ``story`` with a started runtime, which has the image of ``container``."""

    def sandbox(self, name: str) -> SandboxSpec: ...

    def container(self, *, exit_code: int | None = None) -> ContainerSpec:
        """One that runs until it is stopped, or ends at once with ``exit_code``."""


class CriBench:
    real = True

    def __init__(self, instance: containerd_instance.Instance) -> None:
        self.instance = instance
        self.image_id = ""

    def run(self, story: Callable[[Runtime], Awaitable[None]]) -> None:
        async def whole() -> None:
            runtime = await self.instance.runtime()
            try:
                found = await runtime.find_image("busybox:1.28")
                assert found is not None
                self.image_id = found.id
                async with asyncio.timeout(120):
                    await story(runtime)
            finally:
                for sandbox in await runtime.list_sandboxes():
                    await runtime.stop_sandbox(sandbox.id)
                    await runtime.remove_sandbox(sandbox.id)
                await runtime.stop()

        asyncio.run(whole())

    def sandbox(self, name: str) -> SandboxSpec:
        logs = self.instance.directory / "logs" / name
        logs.mkdir(parents=True, exist_ok=True)
        return SandboxSpec(
            pod_name=name,
            pod_namespace="default",
            pod_uid="uid-" + name,
            attempt=0,
            hostname=name,
            log_directory=str(logs),
            labels={"app": name},
            annotations={"note": "kept"},
            cgroup_parent=f"{self.instance.cgroup}/{name}",
        )

    def container(self, *, exit_code: int | None = None) -> ContainerSpec:
        script = "trap 'exit 0' TERM; echo started; while :; do sleep 0.05; done"
        return ContainerSpec(
            name="main",
            attempt=0,
            image_id=self.image_id,
            image_name="busybox:1.28",
            log_path="main.log",
            command=["sh", "-c", script if exit_code is None else f"echo bye; exit {exit_code}"],
            labels={"role": "test"},
        )


@pytest.fixture(scope="module")
def instance() -> Iterator[containerd_instance.Instance]:
    if why := containerd_instance.unavailable():
        pytest.skip(why)
    with containerd_instance.containerd_instance(containerd_instance.archives()) as running:
        yield running
    assert containerd_instance.leftovers(running) == []


class SimulatedBench:
    real = False

    def __init__(self) -> None:
        self.image_id = ""

    def run(self, story: Callable[[Runtime], Awaitable[None]]) -> None:
        async def whole() -> None:
            runtime = SimulatedRuntime(SystemClock(), Chance(1), "10.244.250.0/24")
            await runtime.start()
            self.image_id = await runtime.pull_image("busybox:1.28")
            async with asyncio.timeout(PATIENCE):
                await story(runtime)
            await runtime.stop()

        asyncio.run(whole())

    def sandbox(self, name: str) -> SandboxSpec:
        notes = {"note": "kept"}
        return SandboxSpec(name, "default", f"uid-{name}", 0, name, "", labels={"app": name}, annotations=notes)

    def container(self, *, exit_code: int | None = None) -> ContainerSpec:
        ends = {} if exit_code is None else {"podo.dev/run-seconds": "0", "podo.dev/exit-code": str(exit_code)}
        labels = {"role": "test"}
        return ContainerSpec("main", 0, self.image_id, "busybox:1.28", "main.log", labels=labels, annotations=ends)


@pytest.fixture(params=[pytest.param("cri", marks=pytest.mark.live), "simulated"])
def bench(request: pytest.FixtureRequest) -> Bench:
    return SimulatedBench() if request.param == "simulated" else CriBench(request.getfixturevalue("instance"))


@pytest.fixture
def real(bench: Bench) -> CriBench:
    if not isinstance(bench, CriBench):
        pytest.skip("only where programs really run")
    return bench


async def started(runtime: Runtime, sandbox: SandboxSpec, spec: ContainerSpec) -> tuple[str, str]:
    sandbox_id = await runtime.run_sandbox(sandbox)
    container_id = await runtime.create_container(sandbox_id, spec, sandbox)
    await runtime.start_container(container_id)
    return sandbox_id, container_id


async def until(check: Callable[[], Awaitable[Any]]) -> Any:
    async with asyncio.timeout(PATIENCE):
        while not (found := await check()):
            await asyncio.sleep(0.02)
    return found


async def exited(runtime: Runtime, container_id: str) -> Container:
    async def check() -> Container | None:
        status = await runtime.container_status(container_id)
        return status if status.state == "exited" else None

    found = await until(check)
    assert isinstance(found, Container)
    return found


def test_it_says_what_it_is(bench: Bench) -> None:
    async def story(runtime: Runtime) -> None:
        info = await runtime.info()
        assert info.name and info.version
        assert info.network_ready, info.message

    bench.run(story)


def test_the_life_of_a_pod(bench: Bench) -> None:
    async def story(runtime: Runtime) -> None:
        sandbox, spec = bench.sandbox("life"), bench.container()
        sandbox_id = await runtime.run_sandbox(sandbox)
        listed = await runtime.list_sandboxes()
        assert [(one.id, one.pod_name, one.pod_namespace, one.pod_uid, one.ready) for one in listed] == [
            (sandbox_id, "life", "default", "uid-life", True)
        ]
        status = await runtime.sandbox_status(sandbox_id)
        assert (dict(status.labels), dict(status.annotations)) == ({"app": "life"}, {"note": "kept"})
        assert len(status.ips) >= 1 and status.created_at > 0

        container_id = await runtime.create_container(sandbox_id, spec, sandbox)
        assert (await runtime.container_status(container_id)).state == "created"
        await runtime.start_container(container_id)
        running = await runtime.container_status(container_id)
        assert (running.state, running.name, running.sandbox_id) == ("running", "main", sandbox_id)
        assert dict(running.labels) == {"role": "test"}
        assert running.started_at >= running.created_at > 0
        assert [one.id for one in await runtime.list_containers()] == [container_id]

        await runtime.stop_container(container_id, 5)
        ended = await exited(runtime, container_id)
        assert ended.exit_code == 0
        assert ended.finished_at >= ended.started_at
        await runtime.stop_container(container_id, 5)  # again is no error
        await runtime.remove_container(container_id)
        assert await runtime.list_containers() == []
        await runtime.stop_sandbox(sandbox_id)
        assert [one.ready for one in await runtime.list_sandboxes()] == [False]
        await runtime.stop_sandbox(sandbox_id)
        await runtime.remove_sandbox(sandbox_id)
        await runtime.remove_sandbox(sandbox_id)
        assert await runtime.list_sandboxes() == []

    bench.run(story)


@pytest.mark.parametrize(("code", "reason"), [(0, "Completed"), (3, "Error")])
def test_an_exit_is_told_and_kept(bench: Bench, code: int, reason: str) -> None:
    async def story(runtime: Runtime) -> None:
        sandbox, seen = bench.sandbox("exit"), asyncio.Queue[Happened]()

        async def follow() -> None:
            async for item in runtime.events():
                seen.put_nowait(item)

        following = asyncio.create_task(follow())
        try:
            async with asyncio.timeout(PATIENCE):
                assert (await seen.get()).kind == "resync"
                _, container_id = await started(runtime, sandbox, bench.container(exit_code=code))
                while (item := await seen.get()).id != container_id or item.kind != "exited":
                    pass
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following
        ended = await exited(runtime, container_id)
        assert (ended.exit_code, ended.reason) == (code, reason)
        assert (item.exit_code, item.finished_at) == (code, pytest.approx(ended.finished_at))

    bench.run(story)


def test_a_removed_sandbox_takes_its_containers_along(bench: Bench) -> None:
    async def story(runtime: Runtime) -> None:
        sandbox_id, _ = await started(runtime, bench.sandbox("both"), bench.container())
        await runtime.stop_sandbox(sandbox_id)
        await runtime.remove_sandbox(sandbox_id)
        assert (await runtime.list_sandboxes(), await runtime.list_containers()) == ([], [])

    bench.run(story)


def test_a_running_container_can_be_given_other_limits(bench: Bench) -> None:
    async def story(runtime: Runtime) -> None:
        _, running = await started(runtime, bench.sandbox("grows"), bench.container())
        await runtime.update_resources(running, Resources(100_000, 50_000, 512, 48 << 20))
        assert (await runtime.container_status(running)).state == "running"
        with pytest.raises(RuntimeFailure) as failure:
            await runtime.update_resources("absent", Resources(100_000, 50_000, 512, 48 << 20))
        assert failure.value.kind == "not_found"

    bench.run(story)


def test_what_is_absent_is_not_found(bench: Bench) -> None:
    async def story(runtime: Runtime) -> None:
        for attempt in (
            runtime.container_status("no-such"),
            runtime.sandbox_status("no-such"),
            runtime.start_container("no-such"),
        ):
            with pytest.raises(RuntimeFailure) as failure:
                await attempt
            assert failure.value.kind == "not_found", failure.value
        assert await runtime.find_image("registry.example/absent:1") is None

    bench.run(story)


def test_images_are_found_by_their_names(bench: Bench) -> None:
    async def story(runtime: Runtime) -> None:
        spec = bench.container()
        found = await runtime.find_image(spec.image_name)
        assert found is not None and found.id == spec.image_id
        assert found.id in [one.id for one in await runtime.list_images()]

    bench.run(story)


# What only real programs show


def test_output_and_exec(real: CriBench) -> None:
    async def story(runtime: Runtime) -> None:
        sandbox = real.sandbox("exec")
        _, container_id = await started(runtime, sandbox, real.container())
        log = Path(sandbox.log_directory) / "main.log"

        async def written() -> bool:
            return log.exists() and " stdout F started\n" in log.read_text()

        await until(written)
        result = await runtime.exec(container_id, ["sh", "-c", "hostname; echo wrong >&2; exit 7"], 10)
        assert (result.exit_code, result.output) == (7, b"exec\nwrong\n")
        long = await runtime.exec(container_id, ["sh", "-c", "head -c 50000 /dev/zero"], 10)
        assert len(long.output) == 16 << 10
        with pytest.raises(RuntimeFailure) as failure:
            await runtime.exec(container_id, ["sleep", "30"], 1)
        assert failure.value.kind == "deadline"
        log.rename(log.with_suffix(".old"))
        await runtime.reopen_log(container_id)
        assert log.exists()
        streams = {"stdin": False, "stdout": True, "stderr": True, "tty": False}
        assert (await runtime.exec_url(container_id, ["true"], **streams)).startswith("http://127.0.0.1:")
        assert (await runtime.attach_url(container_id, **streams)).startswith("http://127.0.0.1:")

    real.run(story)


def test_what_a_container_is_allowed_and_given(real: CriBench) -> None:
    async def story(runtime: Runtime) -> None:
        sandbox = replace(
            real.sandbox("given"), share_processes=True, sysctls={"net.ipv4.ip_unprivileged_port_start": "7"}
        )
        data = Path(sandbox.log_directory).parent / "data"
        data.mkdir()
        (data / "file").write_text("from the host")
        spec = replace(
            real.container(),
            env=[("GREETING", "hello there")],
            working_dir="/home",
            mounts=[Mount(str(data), "/data", read_only=True)],
            run_as_user=1000,
            run_as_group=2000,
            supplemental_groups=[3000],
            capabilities_drop=["ALL"],
            no_new_privileges=True,
            read_only_root=True,
            seccomp="RuntimeDefault",
            share_processes=True,
        )
        _, container_id = await started(runtime, sandbox, spec)

        async def said(script: str) -> str:
            return (await runtime.exec(container_id, ["sh", "-c", script], 10)).output.decode().strip()

        assert await said("id -u; id -g; id -G") == "1000\n2000\n2000 3000"
        assert await said('echo "$GREETING"; pwd; cat /data/file') == "hello there\n/home\nfrom the host"
        assert "Read-only file system" in await said("touch /tmp/x")
        assert "Read-only file system" in await said("touch /data/x")
        assert await said("grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/self/status | tr -s '\\t' ' '") == (
            "CapEff: 0000000000000000\nNoNewPrivs: 1\nSeccomp: 2"
        )
        assert await said("cat /proc/1/comm") == "pause"
        assert await said("cat /proc/sys/net/ipv4/ip_unprivileged_port_start") == "7"

    real.run(story)


def test_a_command_that_is_not_there(real: CriBench) -> None:
    async def story(runtime: Runtime) -> None:
        spec = replace(real.container(), command=["/no/such/program"])
        with pytest.raises(RuntimeFailure, match="no such file or directory"):
            await started(runtime, real.sandbox("nothing"), spec)

    real.run(story)


def test_memory_limits_end_in_oomkilled(real: CriBench) -> None:
    async def story(runtime: Runtime) -> None:
        plain = real.container()
        limit = replace(plain.resources, memory_limit=16 << 20)
        hungry = replace(plain, resources=limit, command=["sh", "-c", "exec tail /dev/zero"])
        _, container_id = await started(runtime, real.sandbox("oom"), hungry)
        ended = await exited(runtime, container_id)
        assert (ended.exit_code, ended.reason) == (137, "OOMKilled")

    real.run(story)


def test_an_absent_image_cannot_be_pulled(real: CriBench) -> None:
    async def story(runtime: Runtime) -> None:
        with pytest.raises(RuntimeFailure, match="absent:1"):
            await runtime.pull_image("127.0.0.1:1/absent:1")

    real.run(story)


def test_nginx_images_serve_pages_that_tell_their_tag(real: CriBench) -> None:
    async def story(runtime: Runtime) -> None:
        for tag in ("1.14.2", "1.16.1"):
            image = await runtime.find_image(f"nginx:{tag}")
            assert image is not None and f"docker.io/library/nginx:{tag}" in image.names
            sandbox = real.sandbox(f"nginx-{tag}")
            spec = ContainerSpec("nginx", 0, image.id, f"nginx:{tag}", "nginx.log")
            sandbox_id, container_id = await started(runtime, sandbox, spec)
            address = (await runtime.sandbox_status(sandbox_id)).ips[0]

            async def page(url: str = f"http://{address}/") -> bytes:
                return real.instance.in_network("busybox", "wget", "-qO-", url).stdout

            assert f"nginx:{tag}".encode() in await until(page)

            async def logged(log: Path = Path(sandbox.log_directory) / "nginx.log") -> bool:
                return " stdout F " in log.read_text() and '"GET / HTTP/1.1" 200' in log.read_text()

            await until(logged)
            probe = ["wget", "-T", "2", "-qO-", "http://127.0.0.1/"]
            assert b"Welcome to nginx!" in (await runtime.exec(container_id, probe, 10)).output
            await runtime.stop_container(container_id, 10)
            assert (await exited(runtime, container_id)).exit_code == 0  # by SIGQUIT, its stop signal

    real.run(story)


def test_pods_outlive_containerd_and_events_resume(real: CriBench) -> None:
    async def story(runtime: Runtime) -> None:
        seen = asyncio.Queue[Happened]()

        async def follow() -> None:
            async for item in runtime.events():
                seen.put_nowait(item)

        following = asyncio.create_task(follow())
        try:
            async with asyncio.timeout(PATIENCE * 2):
                assert (await seen.get()).kind == "resync"
                _, container_id = await started(runtime, real.sandbox("outlive"), real.container())
                began = (await runtime.container_status(container_id)).started_at
                real.instance.kill()
                with pytest.raises(RuntimeFailure) as failure:
                    await runtime.list_containers()
                assert failure.value.kind == "unavailable"
                real.instance.start()
                while (await seen.get()).kind != "resync":
                    pass
                after = await runtime.container_status(container_id)
                assert (after.state, after.started_at) == ("running", began)
                await runtime.stop_container(container_id, 5)
                while (item := await seen.get()).id != container_id or item.kind != "exited":
                    pass
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following

    real.run(story)
