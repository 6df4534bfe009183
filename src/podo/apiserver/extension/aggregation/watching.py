"""The loop that keeps APIServices' condition Available and the merged documents true: it looks when an APIService, its
Service or its endpoints change, and every so often at all of them. It sleeps while there are none."""

from __future__ import annotations

import asyncio

from podo.api import registry
from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.api.kinds.apiregistration.apiservice import APISERVICE
from podo.api.parts.systemnames import MASTERS
from podo.apiserver import stored
from podo.apiserver.backend import Backend
from podo.apiserver.call import Call
from podo.apiserver.calling.failures import CannotCall
from podo.apiserver.calling.services import slices_of
from podo.apiserver.extension.aggregation.asking import Asking
from podo.apiserver.extension.aggregation.availability import PASSED, Finding, failed, unreachable, with_condition
from podo.apiserver.extension.aggregation.documents import Documents
from podo.apiserver.extension.aggregation.extensions import Extension, Extensions
from podo.apiserver.extension.aggregation.kinds import ExtensionKinds
from podo.apiserver.extension.aggregation.merging import Known
from podo.apiserver.rewrite import rewrite
from podo.apiserver.scopes import UNSEEN
from podo.authn.user import User
from podo.authz.following import follow
from podo.runtime.log import Logger
from podo.runtime.metrics import Counter
from podo.runtime.tasks import Tasks, sleep
from podo.values import timestamp

log = Logger("podo.apiserver.aggregation")

#: Servers that answer are asked again after this long, those that do not sooner at first.
SECONDS, FIRST_RETRY = 30.0, 1.0
#: Changes that come close together are looked at once.
_GATHER = 0.05
#: Servers asked at the same time.
_AT_ONCE = 8
_ITSELF = User("system:apiserver", (MASTERS,))


class Watching:
    """``known`` is what was found; ``revision`` grows with each change of it."""

    def __init__(self, backend: Backend, extensions: Extensions, asking: Asking) -> None:
        self._backend = backend
        self._extensions = extensions
        self._asking = asking
        self._documents: dict[str, Documents] = {}
        self._wake = asyncio.Event()
        self._tasks = Tasks("aggregation")
        self._follows_services = False
        self.kinds = ExtensionKinds(self.known)
        self.revision = 0
        text = "How often APIServices were found unavailable."
        self.unavailable = Counter("aggregator_unavailable_apiservice_total", text, ("name", "reason"), most=1024)

    def start(self) -> None:
        self._tasks.spawn(self._run(), "availability")

    async def stop(self) -> None:
        await self._tasks.stop()

    def wake(self) -> None:
        """Something about an APIService has changed."""
        self.revision += 1
        self._wake.set()

    def known(self) -> Known:
        """The extensions in force, each with what is known of it."""
        return [(one, self._documents.get(one.name, Documents())) for one in self._extensions.all()]

    async def _run(self) -> None:
        pause = FIRST_RETRY
        while True:
            if not self._extensions:
                await self._wake.wait()
            else:
                await self._wait(pause)
            woken = self._wake.is_set()
            self._wake.clear()
            await self._follow_services()
            if woken:
                await sleep(_GATHER)
            well = await self._look()
            self.kinds.look()  # some may be gone
            pause = SECONDS if well else FIRST_RETRY if woken else min(SECONDS, pause * 2)

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _follow_services(self) -> None:
        """Of Services and their endpoints only from the first extension on."""
        if self._follows_services or not self._extensions:
            return
        self._follows_services = True
        for name in ("Service", "EndpointSlice"):
            await follow(self._backend.store, registry.named(name).prefix, self._moved)

    def _moved(self, key: str, value: bytes | None, before: bytes | None) -> None:
        namespace, name = key.rsplit("/", 2)[1:]
        for extension in self._extensions.all():
            service = extension.service
            if service.namespace == namespace and name.startswith(service.name):
                self._wake.set()
                return

    async def _look(self) -> bool:
        """Ask every server and write down what was found. Do all answer?"""
        some = asyncio.Semaphore(_AT_ONCE)

        async def one(extension: Extension) -> bool:
            async with some:
                return await self._check(extension)

        extensions = self._extensions.all()
        for gone in self._documents.keys() - {one.name for one in extensions}:
            del self._documents[gone]
        return all(await asyncio.gather(*(one(extension) for extension in extensions)))

    async def _check(self, extension: Extension) -> bool:
        before = self._documents.get(extension.name, Documents())
        finding, found = await self._find(extension, before)
        if found != before:
            self._documents[extension.name] = found
            self.revision += 1
            self.kinds.look()
        if finding is not PASSED:
            self.unavailable.add((extension.name, finding.reason))
        await self._write(extension, finding)
        return finding is PASSED

    async def _find(self, extension: Extension, before: Documents) -> tuple[Finding, Documents]:
        stale = Documents(before.resources, False, before.swagger, before.etag, before.v3)
        kind = registry.named("Service")
        record = await self._backend.store.get(kind.key(extension.service.namespace, extension.service.name))
        service = stored.load(kind, record.value) if record else None
        slices = await slices_of(self._backend.store, extension.service) if service else []
        if (problem := unreachable(extension.service, service, slices)) is not None:
            return problem, stale
        try:
            return PASSED, await self._asking.documents(extension, before)
        except CannotCall as failure:
            return failed(self._asking.url(extension), str(failure)), stale

    async def _write(self, extension: Extension, finding: Finding) -> None:
        now = timestamp.time(self._backend.clock.now())
        call = Call("update", APISERVICE, "", extension.name, "status", _ITSELF, manager="kube-apiserver")

        def told(present: Obj) -> Obj:
            return with_condition(present, finding, now) or present

        try:
            await rewrite(self._backend, call, told, UNSEEN)
        except ApiError as refusal:  # gone, or changed too often: the next look tells
            log.info("condition not written", name=extension.name, why=refusal.message)
