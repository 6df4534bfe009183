"""Node events: a node was seen for the first time (RegisteredNode), or is there no more (RemovingNode)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from podo.api.kind import Obj
from podo.api.meta import name_of, uid_of
from podo.reconcile.actions import Tell


@dataclass(slots=True)
class KnownNodes:
    """The nodes that were told of, by name their uids. Lost at a restart: all are told of again, as upstream's."""

    _uids: dict[str, str] = field(default_factory=dict)

    def seen(self, name: str, node: Obj | None) -> Iterator[Tell]:
        """What is to be told of the node of this name."""
        uid = self._uids.get(name)
        if uid is not None and (node is None or uid_of(node) != uid):
            del self._uids[name]
            gone = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "uid": uid}}
            yield _told(gone, "RemovingNode", f"Removing Node {name} from Controller")
        if node is not None and name not in self._uids:
            self._uids[name] = uid_of(node)
            yield _told(node, "RegisteredNode", f"Registered Node {name} in Controller")


def _told(node: Obj, reason: str, message: str) -> Tell:
    return Tell(node, reason, f"Node {name_of(node)} event: {message}")
