"""Explanations by the API server: the chain of causes from what the asker may see, and where pods could go from what
the scheduler of this process knows, by the profile of each pod's schedulerName."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from podo.api.kind import Obj
from podo.apiserver.explaining import Question
from podo.client.contract import Client
from podo.cluster.why import chain
from podo.cluster.why.finding import Finding, Placement
from podo.cluster.why.gathering import gather

if TYPE_CHECKING:
    from podo.scheduler.scheduler import Scheduler

#: Gives the scheduler, None where it does not run here.
Running = Callable[[], "Scheduler | None"]


class Explainer:
    """``client``: an administrator's; what the asker may not see is not asked for."""

    def __init__(self, client: Client, scheduler: Running) -> None:
        self._client = client
        self._scheduler = scheduler

    async def explain(self, question: Question) -> Obj:
        """Raises ApiError."""
        kind = question.kind.kind
        picture = await gather(self._client, kind, question.namespace, question.name, question.may)
        obj = picture.get(kind, question.namespace, question.name)
        assert obj is not None  # gathered
        may_place = question.may("list", "Node", "", "")
        found = chain.why(obj, picture, lambda pod: self._place(pod, question, may_place))
        return {**found.document(), "unseen": sorted(picture.unseen | (set() if may_place else {"Node"}))}

    def _place(self, pod: Obj, question: Question, may_place: bool) -> Placement:
        scheduler = self._scheduler()
        if not may_place:
            return Placement(("where it could go is told to those who may list nodes",))
        if scheduler is None:
            return Placement(("the scheduler does not run in this process",))
        from podo.scheduler import explain

        def visible(namespace: str) -> bool:
            return question.may("get", "Pod", namespace, "")

        found = scheduler.explain(pod, visible)
        return Placement(tuple(explain.lines(found)), explain.document(found))


def text_of(answer: Obj) -> str:
    """An answer of the API as ``podo why`` prints it."""
    lines = list(Finding.read(answer).lines())
    if unseen := answer.get("unseen"):
        lines.append(f"(not looked at, for lack of rights: {', '.join(unseen)})")
    return "\n".join(lines)
