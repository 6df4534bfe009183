"""One controller's loop: takes keys from its queue, decides, acts, and looks again when it must."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from podo.api.errors import ApiError
from podo.client.cache import Cache
from podo.client.contract import Client
from podo.client.events import Recorder
from podo.reconcile.actions import Action, Rest, Tell
from podo.reconcile.declare import Declaration, Key
from podo.reconcile.ownwrites import OwnWrites
from podo.reconcile.perform import Outcome, Performer
from podo.reconcile.queue import KeyQueue
from podo.reconcile.refusals import of_going_namespace
from podo.reconcile.view import CacheView
from podo.reconcile.wake import Listener, kinds_of
from podo.runtime.chance import Chance
from podo.runtime.clock import Clock
from podo.runtime.log import Logger
from podo.runtime.tasks import Tasks

#: How many decisions are taken before other work of the loop gets its turn.
DECISIONS_A_TURN = 32
#: A refused key is not hurried: its first new look comes after this, then the queue's back-off where that is longer.
AFTER_REFUSAL = 1.0

#: The key of views that mappers are shown.
NO_KEY = Key("", "")

#: Told of each pass: what it wanted, how long it took (seconds), and whether all of it was done.
Observer = Callable[[Sequence[Action], float, bool], None]

#: Told the controller, the key (None in a mapper) and the exception of every bug in a decision.
OnBug = Callable[[str, Key | None, Exception], None]


@dataclass(frozen=True, slots=True)
class Around:
    """What the loops of one runner share. ``clients``: by account, of those that act as others than ``client`` does.
    ``on_progress`` is called when a loop may have become idle. ``observers``: by controller. ``waiting``: the loops
    of which the cache has yet to see something that they wrote."""

    client: Client
    clients: Mapping[str, Client]
    cache: Cache
    clock: Clock
    chance: Chance
    recorder: Recorder
    on_bug: OnBug | None
    on_progress: Callable[[], None]
    observers: Mapping[str, Observer] = field(default_factory=dict)
    waiting: dict[Loop, None] = field(default_factory=dict)


class Loop:
    """Runs one declaration. ``listener`` is how it is woken; nothing is decided before ``open``."""

    def __init__(self, declaration: Declaration, around: Around) -> None:
        self.declaration = declaration
        #: What wakes or informs it.
        self.kinds = kinds_of(declaration)
        self._around = around
        self._log = Logger(f"podo.controllers.{declaration.name}")
        tell = partial(_record, around.recorder, declaration.component or f"{declaration.name}-controller")
        self._performer = Performer(around.clients.get(declaration.account, around.client), tell, around.client)
        self._queue: KeyQueue[Key] = KeyQueue(self._wake, around.chance.jitter)
        self._own: OwnWrites[Key] = OwnWrites(around.cache)
        self._observer = around.observers.get(declaration.name)
        self._tasks = Tasks(declaration.name)
        self._open = False
        self._turn: asyncio.Handle | None = None

    @property
    def queue(self) -> KeyQueue[Key]:
        return self._queue

    def idle(self) -> bool:
        """Is nothing queued, in work, or waiting for the cache? (Timers and back-offs may be set.)"""
        return not len(self._queue) and not len(self._own)

    def open(self) -> None:
        self._open = True
        self._wake()

    async def close(self) -> None:
        self._open = False
        self._queue.close()
        if self._turn:
            self._turn.cancel()
        await self._tasks.stop()

    @property
    def listener(self) -> Listener:
        queue = self._queue
        return Listener(self.declaration, queue.add, queue.add_after, self._view, partial(self._bug, None))

    def seen(self, kind: str, revision: int) -> None:
        """The cache has come to ``revision`` of ``kind``."""
        for key in self._own.seen(kind, revision):
            self._queue.add(key)
        if not self._own:
            self._around.waiting.pop(self, None)

    def _view(self, key: Key = NO_KEY) -> CacheView:
        return CacheView(self._around.cache, self._around.clock.now(), self.declaration, key)

    def _wake(self) -> None:
        if self._open and self._turn is None:
            self._turn = asyncio.get_running_loop().call_soon(self._take_turn)

    def _take_turn(self) -> None:
        self._turn = None
        for _ in range(DECISIONS_A_TURN):
            key = self._queue.take() if self._queue.in_work < self.declaration.workers else None
            if key is None:  # nothing to do, or ``done`` wakes us
                self._around.on_progress()
                return
            self._pass(key)
        self._wake()

    def _pass(self, key: Key) -> None:
        """Decide; act in a task of its own where there is something to do."""
        if self._own.is_behind(key):  # the cache will tell when it is not
            self._queue.done(key)
            return
        begun = 0.0 if self._observer is None else self._around.clock.monotonic()
        try:
            actions = list(self.declaration.reconcile(key, self._view(key)) or ())
        except Exception as bug:
            self._bug(key, bug)
            self._queue.add_failed(key)
            self._queue.done(key)
            return
        for action in actions:
            if isinstance(action, Rest):
                self._queue.rest(key, action.seconds)
        if any(not isinstance(action, Rest) for action in actions):
            self._tasks.spawn(self._act(key, actions, begun), f"{key.namespace}/{key.name}")
        else:
            self._queue.forget(key)
            self._queue.done(key)
            self._observed(actions, begun, True)

    def _observed(self, actions: Sequence[Action], begun: float, done: bool) -> None:
        if self._observer is not None:
            self._observer(actions, self._around.clock.monotonic() - begun, done)

    async def _act(self, key: Key, actions: list[Action], begun: float) -> None:
        try:
            outcome = await self._performer.perform(actions)
            self._settle(key, outcome)
            self._observed(actions, begun, outcome.failure is None and outcome.refusal is None)
        except Exception as bug:
            self._bug(key, bug)
            self._queue.add_failed(key)
        finally:
            self._queue.done(key)
            self._around.on_progress()

    def _settle(self, key: Key, outcome: Outcome) -> None:
        """Note what was written, and when to look again."""
        self._own.note(key, outcome.written)
        if self._own:
            self._around.waiting[self] = None
        if outcome.again_after is not None:
            self._queue.add_after(key, outcome.again_after)
        problem = outcome.failure or outcome.refusal
        if problem is None or of_going_namespace(problem):
            self._queue.forget(key)
            return
        least = 0.0
        if isinstance(problem, ApiError):
            least = float((problem.details or {}).get("retryAfterSeconds") or 0)
        if outcome.failure is None:
            least = max(least, AFTER_REFUSAL)
        delay = self._queue.add_failed(key, least)
        report = self._log.warning if outcome.refusal or delay > 1 else self._log.debug
        report("not done, looking again", key=f"{key.namespace}/{key.name}", why=str(problem), seconds=round(delay, 3))

    def _bug(self, key: Key | None, bug: Exception) -> None:
        where = f"{key.namespace}/{key.name}" if key else "in a mapper"
        self._log.error("bug in a controller", bug, key=where)
        if self._around.on_bug:
            self._around.on_bug(self.declaration.name, key, bug)


def _record(recorder: Recorder, component: str, tell: Tell) -> None:
    recorder.tell(tell.obj, tell.reason, tell.message, tell.type, component=component)
