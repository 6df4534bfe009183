"""How a node is asked what it uses: a node of this process directly, any other at its kubelet's port."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import orjson

from podo.api.kind import Obj
from podo.api.meta import name_of
from podo.apiserver.subresources.kubelet import KubeletAccess
from podo.http.exchange import NoAnswer

LARGEST = 16 << 20


class AskNodes:
    """``here``: the Summary of each node that runs in this process, by the node's name."""

    def __init__(self, kubelet: KubeletAccess | None, here: Mapping[str, Callable[[], Obj]]) -> None:
        self._kubelet = kubelet
        self._here = here

    async def __call__(self, node: Obj) -> Obj:
        """Raises NoAnswer and ApiError."""
        local = self._here.get(name_of(node))
        if local is not None:
            return local()
        if self._kubelet is None:
            raise NoAnswer("the node has no kubelet that can be reached")
        pool = self._kubelet.pool(self._kubelet.endpoint(node))
        stream = await pool.stream("GET", "/stats/summary")
        try:
            body = await stream.read(LARGEST)
        finally:
            stream.close()
        if stream.status != 200:
            raise NoAnswer(f"the kubelet answered {stream.status}")
        found: Obj = orjson.loads(body)
        return found
