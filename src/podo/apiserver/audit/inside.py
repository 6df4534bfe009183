"""Calls of the control plane's own parts (controllers, scheduler, simulated nodes) in the audit log: what they ask for
in the form of a request, as they would send it from this machine if they were processes of their own."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from podo.api.kind import Kind
from podo.apiserver.audit.auditor import Auditor, Trail
from podo.apiserver.call import Call
from podo.http.message import Peer
from podo.version import GIT_VERSION

_HERE = Peer("127.0.0.1:0")


def agent_of(program: str, account: str = "") -> str:
    """The User-Agent of one of the cluster's programs, or of its part that acts as ``account``."""
    return f"{program}/{GIT_VERSION} (linux){f'/{account}' if account else ''}"


def path_of(kind: Kind, namespace: str, name: str, subresource: str) -> str:
    root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    parts = ("namespaces", namespace) if namespace else ()
    return "/".join((root, *parts, kind.plural, *(part for part in (name, subresource) if part)))


class Inside:
    """A request that nobody has sent. Worked out where it is noted only."""

    __slots__ = ("_agent", "_call", "_selectors")

    method, peer = "", _HERE

    def __init__(self, call: Call, agent: str, fields: str, labels: str) -> None:
        self._call, self._agent, self._selectors = call, agent, (fields, labels)

    @property
    def path(self) -> str:
        call = self._call
        of_new = call.verb == "create" and not call.subresource
        return path_of(call.kind, call.namespace, "" if of_new else call.name, call.subresource)

    @property
    def query(self) -> str:
        call, (fields, labels) = self._call, self._selectors
        asked = {
            "fieldSelector": fields,
            "labelSelector": labels,
            "watch": "true" if call.verb == "watch" else "",
            "dryRun": "All" if call.dry_run else "",
            "fieldManager": call.field_manager,
        }
        return urlencode({name: value for name, value in asked.items() if value})

    @property
    def headers(self) -> Mapping[str, str]:
        return {"user-agent": self._agent, "content-type": "application/json"}


def begin(auditor: Auditor, call: Call, agent: str, fields: str = "", labels: str = "") -> Trail:
    """The trail of a call that begins now."""
    trail = auditor.begin(Inside(call, agent, fields, labels))
    trail.user = trail.acting = call.user
    auditor.called(trail, call)
    return trail
