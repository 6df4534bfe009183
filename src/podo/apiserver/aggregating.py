"""The client in the API server's own process that reaches every kind that the server serves: its own, and those of
extension API servers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine
from functools import cached_property
from typing import Any

from podo.api.kind import Obj
from podo.apiserver.app import ApiServer
from podo.apiserver.extension.inside import client_of
from podo.apiserver.local import LocalClient
from podo.authn.user import AUTHENTICATED, User
from podo.client.contract import Batch, Client, ObjectList


class AggregatingClient:
    """A ``client.contract.Client``. ``user``, ``groups``: as whom it asks; ``program``: as LocalClient's."""

    over_network = False

    def __init__(self, server: ApiServer, user: str, groups: tuple[str, ...] = (), *, program: str = "") -> None:
        self._kinds = server.extension_kinds
        self._own = LocalClient(server, user, groups, program=program)
        self._asker = server, User(user, (*groups, AUTHENTICATED)), program or user.rpartition(":")[2]

    @cached_property
    def _others(self) -> Client:
        return client_of(*self._asker)

    def _of(self, kind: str) -> Client:
        return self._others if "/" in kind and kind in self._kinds else self._own

    def _of_object(self, obj: Obj) -> Client:
        if not self._kinds:
            return self._own
        return self._of(f"{obj.get('apiVersion')}/{obj.get('kind')}")

    def get(self, kind: str, name: str, namespace: str = "", *, subresource: str = "") -> Coroutine[Any, Any, Obj]:
        return self._of(kind).get(kind, name, namespace, subresource=subresource)

    def list(self, kind: str, namespace: str = "", **options: Any) -> Coroutine[Any, Any, ObjectList]:
        return self._of(kind).list(kind, namespace, **options)

    def watch(self, kind: str, namespace: str = "", **options: Any) -> AsyncIterator[Batch]:
        return self._of(kind).watch(kind, namespace, **options)

    def create(self, obj: Obj, *, subresource: str = "", dry_run: bool = False) -> Coroutine[Any, Any, Obj]:
        return self._of_object(obj).create(obj, subresource=subresource, dry_run=dry_run)

    def update(self, obj: Obj, *, subresource: str = "", dry_run: bool = False) -> Coroutine[Any, Any, Obj]:
        return self._of_object(obj).update(obj, subresource=subresource, dry_run=dry_run)

    def patch(self, kind: str, name: str, namespace: str = "", **options: Any) -> Coroutine[Any, Any, Obj]:
        return self._of(kind).patch(kind, name, namespace, **options)

    def delete(self, kind: str, name: str, namespace: str = "", **options: Any) -> Coroutine[Any, Any, Obj]:
        return self._of(kind).delete(kind, name, namespace, **options)

    def delete_collection(
        self, kind: str, namespace: str = "", *, labels: str = "", fields: str = ""
    ) -> Coroutine[Any, Any, None]:
        return self._of(kind).delete_collection(kind, namespace, labels=labels, fields=fields)
