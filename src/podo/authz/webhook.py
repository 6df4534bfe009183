"""Authorization by a server of the administrator: it is asked by a SubjectAccessReview; answers are kept for a while.

Decisions are taken at once from what is in memory. A question that has no answer there is raised as ``Unanswered``:
who carries the request out asks it, and begins again. Source: "Webhook Mode" of the Kubernetes documentation.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from functools import partial
from typing import Any

from podo.api.kind import Obj
from podo.authz import conditions, selectors
from podo.authz.attributes import Attributes, Decision, Unanswered, length
from podo.authz.settings import WebhookSettings
from podo.cel.budget import SLICE, TOTAL_LIMIT
from podo.client.reviewing import NoReview, Reviewer
from podo.runtime.clock import Clock
from podo.runtime.log import Logger
from podo.runtime.slices import in_slices

log = Logger("podo.authz")
#: An answer is kept at least so long, so that who asked for it finds it; a failure no longer.
LEAST_SECONDS = 1.0
#: All attempts together.
DEADLINE_SECONDS = 30.0
#: Answers that are kept, and the text of their questions together.
_KEPT, _MOST_TEXT = 10_000, 16 << 20
_NO_OPINION = Decision(False)


class WebhookAuthorizer:
    def __init__(self, settings: WebhookSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._reviewer = Reviewer(settings.access, settings.timeout)
        self._answers: OrderedDict[Attributes, tuple[float, Decision]] = OrderedDict()
        self._text = 0
        self._failed = Decision(False, "", settings.denies_on_failure)

    def decide(self, asked: Attributes) -> Decision:
        """Raises Unanswered."""
        until, decision = self._answers.get(asked, (0.0, _NO_OPINION))
        if until > self._clock.monotonic():
            return decision
        try:
            if (known := self._without_asking(asked, SLICE)) is not None:
                return known
        except conditions.TakesLong:
            raise Unanswered(partial(self._consider, asked)) from None
        raise Unanswered(partial(self.ask, asked))

    def _without_asking(self, asked: Attributes, limit: int) -> Decision | None:
        """What the matchConditions have decided, or that they failed. Raises TakesLong."""
        try:
            return None if conditions.hold(self._settings.conditions, spec_of(asked), limit) else _NO_OPINION
        except conditions.ConditionError as problem:
            log.warning("matchConditions of an authorizer failed", name=self._settings.name, why=str(problem))
            return self._failed

    async def _consider(self, asked: Attributes) -> None:
        """Conditions that take long, then the server."""
        decided = await in_slices(partial(self._without_asking, asked, TOTAL_LIMIT))
        if decided is None:
            await self.ask(asked)
        else:
            self._keep(asked, decided, 0.0)

    async def ask(self, asked: Attributes) -> None:
        """Never fails: without an answer the failurePolicy decides."""
        spec = spec_of(asked)
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                status = (await self._reviewer.ask(review))["status"]
        except (NoReview, TimeoutError) as failure:
            log.warning("an authorizer does not answer", name=self._settings.name, why=str(failure) or "timeout")
            self._keep(asked, self._failed, 0.0)
            return
        decision = _decision(status)
        self._keep(asked, decision, self._settings.authorized if decision.allowed else self._settings.unauthorized)

    def _keep(self, asked: Attributes, decision: Decision, seconds: float) -> None:
        if self._answers.pop(asked, None) is None:
            self._text += length(asked)
        self._answers[asked] = self._clock.monotonic() + max(seconds, LEAST_SECONDS), decision
        while len(self._answers) > _KEPT or (self._text > _MOST_TEXT and len(self._answers) > 1):
            oldest, _ = self._answers.popitem(last=False)
            self._text -= length(oldest)

    def close(self) -> None:
        self._reviewer.close()


def _decision(status: dict[str, Any]) -> Decision:
    reason = status.get("reason") if isinstance(status.get("reason"), str) else ""
    allowed, denied = status.get("allowed") is True, status.get("denied") is True
    if allowed and denied:
        return Decision(False, "webhook subject access review returned both allow and deny response", True)
    return Decision(allowed, str(reason), denied)


def spec_of(asked: Attributes) -> Obj:
    """The question as the spec of a SubjectAccessReview; what is empty is left out."""
    spec: Obj = {"user": asked.user, "groups": list(asked.groups), "uid": asked.uid}
    spec["extra"] = {key: list(values) for key, values in asked.extra}
    if asked.path:
        spec["nonResourceAttributes"] = {"path": asked.path, "verb": asked.verb}
    else:
        names = ("namespace", "verb", "group", "version", "resource", "subresource", "name")
        found: Obj = {name: getattr(asked, name) for name in names if getattr(asked, name)}
        for name, requirements in (
            ("fieldSelector", selectors.of_fields(asked.fields) if asked.fields else []),
            ("labelSelector", selectors.of_labels(asked.labels) if asked.labels else []),
        ):
            if requirements:
                found[name] = {"requirements": requirements}
        spec["resourceAttributes"] = found
    return {key: value for key, value in spec.items() if value}
