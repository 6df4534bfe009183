"""The health pages: all checks, single ones, what is excluded, and a server that is not ready."""

from __future__ import annotations

from tests.unit.apiserver.world import World, in_world


def test_every_check_is_named_on_demand() -> None:
    async def test(world: World) -> None:
        for page in ("healthz", "livez", "readyz"):
            assert await world.ask("GET", f"/{page}") == (200, b"ok")
        _, live = await world.ask("GET", "/livez?verbose")
        assert live.splitlines()[:3] == [b"[+]ping ok", b"[+]log ok", b"[+]etcd ok"]
        assert b"[+]poststarthook/rbac/bootstrap-roles ok\n" in live and live.endswith(b"\nlivez check passed\n")
        assert b"shutdown" not in live
        _, ready = await world.ask("GET", "/readyz?verbose=true")
        assert b"[+]shutdown ok\n" in ready and b"[+]informer-sync ok\n" in ready

    in_world(test)


def test_single_checks_have_paths() -> None:
    async def test(world: World) -> None:
        for path in ("/livez/ping", "/readyz/etcd", "/healthz/poststarthook/rbac/bootstrap-roles", "/readyz/shutdown"):
            assert await world.ask("GET", path) == (200, b"ok"), path
        for path in ("/livez/shutdown", "/readyz/none", "/livez/poststarthook"):
            assert (await world.ask("GET", path))[0] == 404, path

    in_world(test)


def test_a_check_that_fails_fails_the_page_unless_it_is_excluded() -> None:
    async def test(world: World) -> None:
        world.server.health.stopping = True
        status, report = await world.ask("GET", "/readyz")
        assert status == 500 and b"[-]shutdown failed: reason withheld\n" in report
        assert report.endswith(b"\nreadyz check failed\n")
        status, why = await world.ask("GET", "/readyz/shutdown")
        assert (status, why) == (500, b"internal server error: process is shutting down\n")
        assert await world.ask("GET", "/readyz?exclude=shutdown") == (200, b"ok")
        _, report = await world.ask("GET", "/readyz?verbose&exclude=shutdown&exclude=other")
        assert b"[+]shutdown excluded: ok\n" in report
        assert b'warn: some health checks cannot be excluded: no matches for "other"\n' in report
        assert await world.ask("GET", "/livez") == (200, b"ok")
        _, indicators = await world.ask("GET", "/metrics/slis")
        assert b'kubernetes_healthcheck{name="shutdown",type="readyz"} 0\n' in indicators
        assert b'kubernetes_healthcheck{name="ping",type="livez"} 1\n' in indicators

    in_world(test)


def test_not_ready_before_the_start_is_done() -> None:
    async def test(world: World) -> None:
        world.server.health.await_hook("later")
        status, report = await world.ask("GET", "/readyz")
        assert status == 500 and b"[-]poststarthook/later failed: reason withheld\n" in report
        world.server.health.passed("later")
        assert await world.ask("GET", "/readyz") == (200, b"ok")

    in_world(test)
