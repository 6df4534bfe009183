"""Extenders: webhooks that refuse nodes, prefer some, bind pods or spare victims in the place of plug-ins.

Source: the types of k8s.io/kube-scheduler/extender/v1.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from podo.api.kind import Obj
from podo.http.client import HttpPool, NoAnswer
from podo.http.tls import client_context
from podo.runtime.log import Logger
from podo.scheduler.configuration import ExtenderSettings
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.reasons import Reason
from podo.scheduler.snapshot import Snapshot
from podo.scheduler.victims import Victims, importance, victims_of

log = Logger("podo.scheduler")

#: The most bytes of an answer.
LIMIT = 64 << 20
#: Extenders score from 0 to 10, plug-ins from 0 to 100.
_SCALE = 10
_JSON = {"Content-Type": "application/json", "Accept": "application/json"}


class ExtenderFailed(Exception):
    """An extender that may not be ignored gave no usable answer."""


class Extender:
    def __init__(self, settings: ExtenderSettings) -> None:
        self.settings = settings
        url = urlsplit(settings.url_prefix)
        secure = url.scheme == "https"
        port = url.port or (443 if secure else 80)
        self._path = url.path
        self._pool = HttpPool(url.hostname or "", port, tls=client_context() if secure else None)

    def close(self) -> None:
        self._pool.close()

    def concerns(self, pod: PodInfo) -> bool:
        """Does the pod ask for a resource that it looks after? (For all, where none is named.)"""
        wanted = self.settings.resources
        return not wanted or any(amount and name in wanted for name, amount in pod.requests.items())

    async def filter(self, pod: Obj, nodes: Mapping[str, Obj]) -> tuple[list[str], dict[str, tuple[Reason, ...]]]:
        """The nodes that may take the pod, and why others may not. ``nodes``: by name."""
        answer = await self._ask(self.settings.filter_verb, self._arguments(pod, nodes))
        with self._reading(self.settings.filter_verb):
            return self._filtered(answer, nodes)

    def _filtered(self, answer: Any, nodes: Mapping[str, Obj]) -> tuple[list[str], dict[str, tuple[Reason, ...]]]:
        if error := answer.get("error"):
            raise ExtenderFailed(str(error))
        if answer.get("nodenames") is not None:
            left = [str(name) for name in answer["nodenames"]]
        else:
            left = [each["metadata"]["name"] for each in (answer.get("nodes") or {}).get("items") or ()]
        if unknown := [name for name in left if name not in nodes]:
            raise ExtenderFailed(
                f"extender {self.settings.url_prefix} gave a node it was not asked about: {unknown[0]}"
            )
        refused = dict(self._reasons(answer.get("failednodes"), False))
        refused |= dict(self._reasons(answer.get("failedandunresolvablenodes"), True))
        for name in nodes:
            if name not in left:
                refused.setdefault(name, (Reason(self.settings.url_prefix, "node(s) were refused by an extender"),))
        return left, refused

    def _reasons(self, failed: Any, unresolvable: bool) -> Iterable[tuple[str, tuple[Reason, ...]]]:
        for name, text in (failed or {}).items():
            yield name, (Reason(self.settings.url_prefix, str(text), unresolvable),)

    async def prioritize(self, pod: Obj, nodes: Mapping[str, Obj]) -> dict[str, int]:
        """Points by node, on the scale of the plug-ins' and with this extender's weight."""
        answer = await self._ask(self.settings.prioritize_verb, self._arguments(pod, nodes))
        with self._reading(self.settings.prioritize_verb):
            return {str(each["host"]): int(each["score"]) * self.settings.weight * _SCALE for each in answer}

    async def bind(self, pod: PodInfo, node_name: str) -> None:
        body = {"PodName": pod.name, "PodNamespace": pod.namespace, "PodUID": pod.uid, "Node": node_name}
        answer = await self._ask(self.settings.bind_verb, body)
        with self._reading(self.settings.bind_verb):
            if error := answer.get("error"):
                raise ExtenderFailed(str(error))

    async def preempt(self, pod: Obj, candidates: Iterable[Victims], snapshot: Snapshot) -> list[Victims]:
        """Which of the candidates are left, and who would have to go there."""
        names = {each.node_name: each for each in candidates}
        whole = {} if self.settings.names_only else {name: _whole(each) for name, each in names.items()}
        uids = {name: _uids(each) for name, each in names.items()} if self.settings.names_only else {}
        arguments = {"Pod": pod, "NodeNameToVictims": whole, "NodeNameToMetaVictims": uids}
        answer = await self._ask(self.settings.preempt_verb, arguments, lowered=False)
        with self._reading(self.settings.preempt_verb):
            found = _field(answer, "NodeNameToMetaVictims") or {}
            given = {name: self._given(name, meta) for name, meta in found.items()}
            return [self._victims(name, found[name], uids, snapshot) for name, uids in given.items() if uids]

    @contextmanager
    def _reading(self, verb: str) -> Iterator[None]:
        """An answer of another form than was asked for is no answer."""
        try:
            yield
        except (AttributeError, KeyError, TypeError, ValueError) as failure:
            why = f"an answer of the wrong form: {failure}"
            raise ExtenderFailed(f"{self.settings.url_prefix}/{verb}: {why}") from failure

    def _given(self, node_name: str, meta: Any) -> list[str]:
        """The uids of the victims on a node; none, where the extender may be ignored, and the node with it."""
        uids = [str(_field(each, "UID") or "") for each in _field(meta, "Pods") or ()]
        if not uids and not self.settings.ignorable:
            raise ExtenderFailed(f'expected at least one victim pod on node "{node_name}"')
        return uids

    def _victims(self, node_name: str, meta: Any, uids: list[str], snapshot: Snapshot) -> Victims:
        there = snapshot.pods_on(node_name)
        if unknown := [uid for uid in uids if uid not in there]:
            raise ExtenderFailed(
                f"extender: {self.settings.url_prefix} claims to preempt pod (UID: {unknown[0]}) on node: {node_name}, "
                "but the pod is not found on that node"
            )
        pods = tuple(sorted((there[uid] for uid in uids), key=importance))
        return victims_of(node_name, pods, int(_field(meta, "NumPDBViolations") or 0))

    def _arguments(self, pod: Obj, nodes: Mapping[str, Obj]) -> Obj:
        if self.settings.names_only:
            return {"Pod": pod, "Nodes": None, "NodeNames": list(nodes)}
        listed = {"apiVersion": "v1", "kind": "NodeList", "metadata": {}, "items": list(nodes.values())}
        return {"Pod": pod, "Nodes": listed, "NodeNames": None}

    async def _ask(self, verb: str, body: Obj, *, lowered: bool = True) -> Any:
        data = json.dumps(body).encode()
        target = f"{self._path}/{verb}"
        try:
            answer = await self._pool.request(
                "POST", target, headers=_JSON, body=data, seconds=self.settings.seconds, limit=LIMIT
            )
            if answer.status != 200:
                raise ExtenderFailed(f"{self.settings.url_prefix}/{verb} answered {answer.status}")
            found = json.loads(answer.body)
            return _lowered(found) if lowered else found
        except (NoAnswer, OSError, ValueError) as failure:
            raise ExtenderFailed(f"{self.settings.url_prefix}/{verb}: {failure}") from failure


def _lowered(answer: Any) -> Any:
    """The fields of an answer may be written in any case, as Go reads them."""
    if isinstance(answer, list):
        return [_lowered(each) for each in answer]
    return {key.lower(): value for key, value in answer.items()} if isinstance(answer, dict) else answer


def _field(answer: Any, name: str) -> Any:
    """A field of an object whose other keys are data; in any case, too."""
    return next((value for key, value in answer.items() if key.lower() == name.lower()), None)


def _whole(victims: Victims) -> Obj:
    return {"Pods": [pod.obj for pod in victims.pods], "NumPDBViolations": victims.violations}


def _uids(victims: Victims) -> Obj:
    return {"Pods": [{"UID": pod.uid} for pod in victims.pods], "NumPDBViolations": victims.violations}


class Extenders:
    """All of a configuration, in its order."""

    def __init__(self, settings: Sequence[ExtenderSettings]) -> None:
        self._all = [Extender(each) for each in settings]

    def close(self) -> None:
        for each in self._all:
            each.close()

    def concern(self, pod: PodInfo) -> bool:
        return any(each.concerns(pod) and self._decides(each) for each in self._all)

    @staticmethod
    def _decides(extender: Extender) -> bool:
        return bool(extender.settings.filter_verb or extender.settings.prioritize_verb)

    def preempt(self, pod: PodInfo) -> bool:
        """Has one of them a say in who has to go for the pod?"""
        return any(each.settings.preempt_verb and each.concerns(pod) for each in self._all)

    async def spare(self, pod: PodInfo, candidates: list[Victims], snapshot: Snapshot) -> list[Victims]:
        """The candidates that all of them leave, one asked after the other."""
        left = candidates
        for each in self._all:
            if left and each.settings.preempt_verb and each.concerns(pod):
                try:
                    left = await each.preempt(pod.obj, left, snapshot)
                except ExtenderFailed as failure:
                    self._ignore(each, failure)
        return left

    def binder(self, pod: PodInfo) -> Extender | None:
        """The one that binds the pod in the scheduler's place."""
        return next((each for each in self._all if each.settings.bind_verb and each.concerns(pod)), None)

    async def judge(
        self, pod: PodInfo, scores: Mapping[str, int], nodes: Mapping[str, Obj]
    ) -> tuple[dict[str, int], dict[str, tuple[Reason, ...]]]:
        """The scores of the nodes that are left, and why others are not. ``scores``: of feasible nodes."""
        left, refused = dict(scores), dict[str, tuple[Reason, ...]]()
        for each in self._all:
            if left and each.concerns(pod) and each.settings.filter_verb:
                try:
                    names, why = await each.filter(pod.obj, {name: nodes[name] for name in left if name in nodes})
                except ExtenderFailed as failure:
                    self._ignore(each, failure)
                    continue
                left, refused = {name: left[name] for name in names}, refused | why
        asked = {name: nodes[name] for name in left}
        for each in self._all:
            if left and each.concerns(pod) and each.settings.prioritize_verb:
                try:
                    for name, points in (await each.prioritize(pod.obj, asked)).items():
                        left[name] = left.get(name, 0) + points
                except ExtenderFailed as failure:  # preferences may be done without
                    log.warning("extender gave no scores", extender=each.settings.url_prefix, why=str(failure))
        return {name: left[name] for name in asked}, refused

    @staticmethod
    def _ignore(extender: Extender, failure: ExtenderFailed) -> None:
        if not extender.settings.ignorable:
            raise failure
        log.warning("extender skipped", extender=extender.settings.url_prefix, why=str(failure))
