"""Collects what an explanation looks at: the object, what its namespace holds, and what its pods refer to; only what
the asker may see."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from podo.api import registry
from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.api.meta import name_of, namespace_of
from podo.client.contract import Client
from podo.cluster.why import chain, references
from podo.cluster.why.finding import Picture
from podo.cluster.why.pods import is_well

#: Objects of a page, and pages of a kind, at most.
PAGE, PAGES = 500, 20
#: Objects that pods refer to at most.
REFERENCES = 100

#: May the asker do this? ``may(verb, kind, namespace, name)``.
May = Callable[[str, str, str, str], bool]


@dataclass(slots=True)
class _Gathered:
    client: Client
    may: May
    objects: dict[str, tuple[Obj, ...]] = field(default_factory=dict)
    absent: set[tuple[str, str, str]] = field(default_factory=set)
    unseen: set[str] = field(default_factory=set)

    async def list(self, kind: str, namespace: str) -> None:
        if not self.may("list", kind, namespace, ""):
            self.unseen.add(kind)
            return
        found: list[Obj] = []
        token = ""
        try:
            for _ in range(PAGES):
                page = await self.client.list(kind, namespace, limit=PAGE, continue_token=token)
                found += [_whole(kind, item) for item in page.items]
                token = page.continue_token
                if not token:
                    break
        except ApiError as refused:
            if refused.reason not in ("Forbidden", "NotFound"):
                raise
            self.unseen.add(kind)
        self.objects[kind] = tuple(found)

    async def get(self, kind: str, namespace: str, name: str) -> None:
        """Adds the object, or that there is none."""
        if not self.may("get", kind, namespace, name):
            self.unseen.add(kind)
            return
        try:
            found = await self.client.get(kind, name, namespace)
        except ApiError as refused:
            if refused.reason == "NotFound":
                self.absent.add((kind, namespace, name))
            elif refused.reason == "Forbidden":
                self.unseen.add(kind)
            else:
                raise
            return
        known = [
            each for each in self.objects.get(kind, ()) if (namespace_of(each), name_of(each)) != (namespace, name)
        ]
        self.objects[kind] = (*known, _whole(kind, found))

    def picture(self) -> Picture:
        return Picture(self.objects, frozenset(self.absent), frozenset(self.unseen))


def _whole(kind: str, item: Obj) -> Obj:
    """With the kind and apiVersion, which lists leave out."""
    known = registry.named(kind)
    return {"apiVersion": known.api_version, "kind": known.kind, **item}


async def gather(client: Client, kind: str, namespace: str, name: str, may: May) -> Picture:
    """What is looked at for one object. Raises ApiError (NotFound) where it does not exist."""
    seen = _Gathered(client, may)
    asked = _whole(kind, await client.get(kind, name, namespace))
    if kind == "Namespace":
        await seen.list("Event", name)
    elif namespace:
        for each in chain.IN_NAMESPACE:
            await seen.list(each, namespace)
        for each in chain.CLUSTER_WIDE:
            await seen.list(each, "")
    else:
        await seen.list("Event", "default")
    if seen.objects.get(kind) is None or not any(name_of(each) == name for each in seen.objects[kind]):
        seen.objects[kind] = (*seen.objects.get(kind, ()), asked)
    for one, within, named in list(_referred(seen.objects.get("Pod", ())))[:REFERENCES]:
        await seen.get(one, within, named)
    return seen.picture()


def _referred(pods: Iterable[Obj]) -> Iterator[tuple[str, str, str]]:
    """What pods that are not well refer to, each once."""
    found: dict[tuple[str, str, str], None] = {}
    for pod in pods:
        if is_well(pod):
            continue
        if node := pod["spec"].get("nodeName"):
            found["Node", "", node] = None
        for kind, name, optional in references.of(pod):
            if not optional:
                found[kind, namespace_of(pod), name] = None
    yield from found
