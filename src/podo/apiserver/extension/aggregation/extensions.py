"""Which group versions extension API servers answer for, as the APIServices say now."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from podo.api.kind import Obj
from podo.api.kinds.apiregistration.apiservice import AVAILABLE
from podo.apiserver.calling.connections import Trust
from podo.apiserver.calling.failures import CannotCall
from podo.apiserver.calling.target import ServiceReference, pem_of


@dataclass(frozen=True, slots=True)
class Extension:
    """One APIService with a Service behind it. ``problem``: why its CA bundle cannot be used, or ""."""

    name: str
    group: str
    version: str
    service: ServiceReference
    ca: str
    insecure: bool
    group_priority: int
    version_priority: int
    available: bool
    problem: str = ""

    @property
    def group_version(self) -> str:
        return f"{self.group}/{self.version}"

    @property
    def path(self) -> str:
        return f"/apis/{self.group_version}"

    def trust(self, identity: Trust) -> Trust:
        """Whom to believe there, and what to show of ourselves. Raises CannotCall."""
        if self.problem:
            raise CannotCall(self.problem)
        return Trust(self.ca, not self.insecure, identity.certificate, identity.key)


def extension_of(api_service: Obj) -> Extension | None:
    """None for a group version that this server answers for itself."""
    spec = api_service.get("spec") or {}
    reference = spec.get("service")
    group, version = spec.get("group") or "", spec.get("version") or ""
    if not reference or not group:  # the core group has no path that could lead elsewhere
        return None
    problem = ca = ""
    try:
        ca = pem_of(spec.get("caBundle") or "")
    except CannotCall as found:
        problem = str(found)
    return Extension(
        api_service["metadata"]["name"],
        group,
        version,
        ServiceReference(reference["namespace"], reference["name"], reference.get("port") or 443),
        ca,
        bool(spec.get("insecureSkipTLSVerify")),
        spec.get("groupPriorityMinimum") or 0,
        spec.get("versionPriority") or 0,
        is_available(api_service),
        problem,
    )


def is_available(api_service: Obj) -> bool:
    conditions = (api_service.get("status") or {}).get("conditions") or ()
    return any(one.get("type") == AVAILABLE and one.get("status") == "True" for one in conditions)


class Extensions:
    """By group and version; false while there are none. Told of each change of an APIService."""

    def __init__(self) -> None:
        self._by_version: dict[tuple[str, str], Extension] = {}
        self._names: dict[str, tuple[str, str]] = {}

    def __bool__(self) -> bool:
        return bool(self._by_version)

    def told(self, key: str, value: bytes | None, before: bytes | None) -> None:
        if former := self._names.pop(key, None):
            del self._by_version[former]
        found = extension_of(orjson.loads(value)) if value else None
        if found is not None:
            self._names[key] = (found.group, found.version)
            self._by_version[found.group, found.version] = found

    def all(self) -> tuple[Extension, ...]:
        """The first is the preferred one: by the priority of the group, its name, the priority of the version."""
        return tuple(sorted(self._by_version.values(), key=_rank))

    def at(self, path: str) -> Extension | None:
        """Who answers for a path ``/apis/GROUP/VERSION...``; None if this server does."""
        parts = path.split("/", 4)
        return self._by_version.get((parts[2], parts[3])) if len(parts) > 3 and parts[1] == "apis" else None


def _rank(extension: Extension) -> tuple[int, str, int, str]:
    return (-extension.group_priority, extension.group, -extension.version_priority, extension.version)
