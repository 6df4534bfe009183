"""Carries out the actions of one pass through the client; says what was written, what failed, what was refused."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from podo.api import registry
from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.api.meta import name_of, namespace_of, revision_of, uid_of
from podo.client.contract import Client, Unreachable
from podo.client.index import Place, place_of
from podo.reconcile.actions import (
    Action,
    Ask,
    CheckAgain,
    Create,
    Delete,
    EnsureAbsent,
    EnsureUnchanged,
    Patch,
    Rest,
    RewriteAll,
    SetStatus,
    Tell,
    Update,
)
from podo.reconcile.ownwrites import Written
from podo.reconcile.rewriting import rewrite_all
from podo.runtime.failpoints import reach

Write = Create | Update | Patch | Delete | SetStatus
#: Neighbouring creates (or deletes, or patches of different objects) go out together, in batches that double up to
#: this; the first failure ends them.
LARGEST_BATCH = 128
#: What is wanted after a refusal may be refused too: so often, at most, in one pass.
MOST_REFUSALS = 256


class StillThere(Exception):
    """What ``EnsureAbsent`` asked for exists."""


class Changed(Exception):
    """What ``EnsureUnchanged`` asked for is not there any more as it was."""


@dataclass(slots=True)
class Step:
    """One write, and what to tell once it is done. Without a write: only tell."""

    write: Write | EnsureAbsent | EnsureUnchanged | RewriteAll | Ask | None
    tells: list[Tell] = field(default_factory=list)


@dataclass(slots=True)
class Outcome:
    """What became of a pass. ``failure``: try again soon. ``refusal``: the API says no, and would say so again."""

    written: Written = field(default_factory=Written)
    again_after: float | None = None
    failure: Exception | None = None
    refusal: ApiError | None = None
    refused: Write | RewriteAll | Ask | None = None

    @property
    def ended(self) -> bool:
        return self.failure is not None or self.refusal is not None


def steps_of(actions: Iterable[Action]) -> list[Step]:
    """The writes in order, each with the ``Tell``s that follow it."""
    steps = [Step(None)]
    for action in actions:
        if isinstance(action, Tell):
            steps[-1].tells.append(action)
        elif not isinstance(action, CheckAgain | Rest):
            steps.append(Step(action))
    return steps


class Performer:
    """Writes through ``client``; hands Events to ``tell``. ``reader``: may list what the controller itself may not."""

    def __init__(self, client: Client, tell: Callable[[Tell], None], reader: Client | None = None) -> None:
        self._client = client
        self._tell = tell
        self._reader = reader or client

    async def perform(self, actions: Sequence[Action]) -> Outcome:
        """Carry out ``actions`` in order; the first failure or refusal ends it. Then do what ``on_refusal`` wants."""
        outcome = Outcome()
        delays = [action.after_seconds for action in actions if isinstance(action, CheckAgain)]
        outcome.again_after = min(delays, default=None)
        await self._run(steps_of(actions), outcome)
        refused = outcome
        for _ in range(MOST_REFUSALS):
            wanted = getattr(refused.refused, "on_refusal", None)
            if outcome.failure is not None or refused.refusal is None or wanted is None:
                break
            saying = Outcome(outcome.written)
            await self._run(steps_of(wanted(refused.refusal)), saying)
            outcome.failure, refused = saying.failure, saying
        return outcome

    async def _run(self, steps: list[Step], outcome: Outcome) -> None:
        first = 0
        size = 1
        while first < len(steps) and not outcome.ended:
            batch = _together(steps, first, size)
            last = first + len(batch)
            if len(batch) == 1:
                await self._step(batch[0], outcome)
            else:
                await asyncio.gather(*(self._step(step, outcome) for step in batch))
            size = min(size * 2, LARGEST_BATCH) if last < len(steps) and _alike(steps[first], steps[last]) else 1
            first = last

    async def _step(self, step: Step, outcome: Outcome) -> None:
        if isinstance(step.write, EnsureAbsent):
            await self._ensure(step.write, outcome)
        elif isinstance(step.write, EnsureUnchanged):
            await self._ensure_unchanged(step.write.obj, outcome)
        elif isinstance(step.write, RewriteAll):
            await self._follow(step.write, rewrite_all(self._client, step.write.kind, step.write.until), outcome)
        elif isinstance(step.write, Ask):
            await self._follow(step.write, self._client.create(step.write.review), outcome)
        elif step.write is None or await self._write(step.write, outcome):
            for tell in step.tells:
                self._tell(tell)

    async def _write(self, action: Write, outcome: Outcome) -> bool:
        """One write, its result noted in ``outcome``; is it done?"""
        reach("reconcile.before_write")
        try:
            answer = await self._request(action)
        except ApiError as error:
            return await self._not_done(action, error, outcome)
        except (Unreachable, TimeoutError, OSError) as error:
            outcome.failure = outcome.failure or error
            return False
        _note(action, answer, outcome.written)
        reach("reconcile.after_write")
        return True

    async def _ensure(self, absent: EnsureAbsent, outcome: Outcome) -> None:
        """Ends the pass as a failure where the object is there after all, or cannot be asked for."""
        try:
            if absent.name:
                there = await self._client.get(absent.kind, absent.name, absent.namespace)
                found = uid_of(there) == absent.uid or not absent.uid
            else:
                found = bool((await self._client.list(absent.kind, absent.namespace, limit=1)).items)
        except ApiError as error:
            if error.reason != "NotFound":
                outcome.failure = error
        except (Unreachable, TimeoutError, OSError) as error:
            outcome.failure = error
        else:
            if found:
                outcome.failure = StillThere(f"{absent.kind} {absent.namespace}/{absent.name or '*'} is there")

    async def _ensure_unchanged(self, obj: Obj, outcome: Outcome) -> None:
        kind, name, namespace = kind_name(obj), name_of(obj), namespace_of(obj)
        try:
            there = await self._client.get(kind, name, namespace)
        except (ApiError, Unreachable, TimeoutError, OSError) as error:
            outcome.failure = error
        else:
            if (uid_of(there), revision_of(there)) != (uid_of(obj), revision_of(obj)):
                outcome.failure = Changed(f"{kind} {namespace}/{name} is another by now")

    async def _follow(self, action: RewriteAll | Ask, work: Awaitable[Any], outcome: Outcome) -> None:
        """Do what comes after the ``work`` of an action, by what it gives."""
        try:
            found = await work
        except ApiError as error:
            if error.retry or error.code >= 500:
                outcome.failure = error
            else:
                outcome.refusal, outcome.refused = error, action
        except (Unreachable, TimeoutError, OSError) as error:
            outcome.failure = error
        else:
            wanted = action.on_answer(found) if isinstance(action, Ask) else action.on_done(found)
            await self._run(steps_of(wanted), outcome)

    def _request(self, action: Write) -> Awaitable[Obj | None]:
        client, obj = self._client, action.obj
        if isinstance(action, Create):
            return client.create(obj)
        if isinstance(action, Update):
            return client.update(obj, subresource=action.subresource)
        if isinstance(action, SetStatus):
            if obj.get("status") == action.status:
                return _nothing()
            return client.update({**obj, "status": action.status}, subresource="status")
        kind, name, namespace = kind_name(obj), name_of(obj), namespace_of(obj)
        if isinstance(action, Delete):
            how: dict[str, Any] = {"propagation": action.propagation, "grace_seconds": action.grace_seconds}
            if action.unchanged:
                how["revision"] = revision_of(obj)
            return client.delete(kind, name, namespace, uid=uid_of(obj), **how)
        return client.patch(kind, name, namespace, patch=action.patch, type=action.type, subresource=action.subresource)

    async def _not_done(self, action: Write, error: ApiError, outcome: Outcome) -> bool:
        if error.reason == "NotFound" and isinstance(action, Delete):
            _note(action, None, outcome.written)
            return True
        if error.reason in ("AlreadyExists", "Conflict"):
            await self._note_existing(action.obj, outcome)
        if error.retry or error.reason in ("NotFound", "AlreadyExists"):
            outcome.failure = outcome.failure or error
        elif outcome.refusal is None:
            outcome.refusal, outcome.refused = error, action
        return False

    async def _note_existing(self, obj: Obj, outcome: Outcome) -> None:
        """The object is not as this pass knew it: the next pass must have seen it as it is now."""
        kind, one = kind_name(obj), f"metadata.name={name_of(obj)}"
        try:
            existing = await self._reader.list(kind, namespace_of(obj), fields=one)
        except (ApiError, Unreachable, TimeoutError, OSError):
            return
        if existing.items:
            outcome.written.note(kind, revision_of(existing.items[0]))


async def _nothing() -> Obj | None:
    return None


def _together(steps: list[Step], first: int, most: int) -> list[Step]:
    """The step at ``first`` and those after it that may go out with it."""
    batch: list[Step] = []
    patched: set[Place] = set()
    for step in steps[first : first + most]:
        place = place_of(step.write.obj) if isinstance(step.write, Patch) else None
        if batch and (place in patched or not _alike(batch[0], step)):
            break
        if place is not None:
            patched.add(place)
        batch.append(step)
    return batch


def _alike(one: Step, other: Step) -> bool:
    a, b = one.write, other.write
    if isinstance(a, Patch) and isinstance(b, Patch):
        return kind_name(a.obj) == kind_name(b.obj)
    return isinstance(a, Create | Delete) and type(a) is type(b)


def _note(action: Write, answer: Obj | None, written: Written) -> None:
    revision = revision_of(answer) if answer is not None and answer.get("kind") != "Status" else 0
    if revision:
        written.note(kind_name(action.obj), revision)
    elif isinstance(action, Delete):
        written.deleted.append((kind_name(action.obj), place_of(action.obj), uid_of(action.obj)))


def kind_name(obj: Obj) -> str:
    """The kind of ``obj`` as clients and the cache name it: bare, or with its group where that means another."""
    bare: str = obj["kind"]
    group, slash, _ = obj["apiVersion"].rpartition("/")
    try:
        return bare if registry.named(bare).group == group else f"{group}{slash}{bare}"
    except registry.UnknownKind:
        return f"{group}{slash}{bare}"
