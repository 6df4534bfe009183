"""RoleBinding and ClusterRoleBinding (rbac.authorization.k8s.io/v1): who has a role."""

from __future__ import annotations

from podo.api.columns import AGE, NAME, column, wide
from podo.api.kind import Kind, Obj
from podo.api.kinds.rbac.role import GROUP
from podo.api.rules import Found, check_text, invalid, not_supported, required
from podo.values import names


def _fill_in(binding: Obj) -> None:
    role = binding.get("roleRef")
    if isinstance(role, dict) and not role.get("apiGroup"):
        role["apiGroup"] = GROUP
    for subject in binding.get("subjects") or ():
        if subject.get("kind") in ("User", "Group") and not subject.get("apiGroup"):
            subject["apiGroup"] = GROUP


def _check_role(role: Obj, supported: tuple[str, ...], found: Found) -> None:
    if role.get("apiGroup") != GROUP:
        found.append(not_supported("roleRef.apiGroup", role.get("apiGroup") or "", (GROUP,)))
    if role.get("kind") not in supported:
        found.append(not_supported("roleRef.kind", role.get("kind") or "", supported))
    if not role.get("name"):
        found.append(required("roleRef.name"))
    else:
        check_text("roleRef.name", role["name"], names.path_segment, found)


def _check_subject(path: str, subject: Obj, namespaced: bool, found: Found) -> None:
    name, kind, group = subject.get("name") or "", subject.get("kind"), subject.get("apiGroup") or ""
    if not name:
        found.append(required(f"{path}.name"))
    if kind == "ServiceAccount":
        if name:
            check_text(f"{path}.name", name, names.subdomain, found)
        if group:
            found.append(not_supported(f"{path}.apiGroup", group, ("",)))
        if not namespaced and not subject.get("namespace"):
            found.append(required(f"{path}.namespace"))
    elif kind in ("User", "Group"):
        if not name:
            found.append(invalid(f"{path}.name", name, f"{kind.lower()} name cannot be empty"))
        if group != GROUP:
            found.append(not_supported(f"{path}.apiGroup", group, (GROUP,)))
    else:
        found.append(not_supported(f"{path}.kind", kind or "", ("ServiceAccount", "User", "Group")))


def _check(new: Obj, old: Obj | None, supported: tuple[str, ...]) -> Found:
    found: Found = []
    _check_role(new.get("roleRef") or {}, supported, found)
    for index, subject in enumerate(new.get("subjects") or ()):
        _check_subject(f"subjects[{index}]", subject, "Role" in supported, found)
    if old is not None and new.get("roleRef") != old.get("roleRef"):
        found.append(invalid("roleRef", new.get("roleRef"), "cannot change roleRef"))
    return found


def _problems(new: Obj, old: Obj | None) -> Found:
    return _check(new, old, ("Role", "ClusterRole"))


def _cluster_problems(new: Obj, old: Obj | None) -> Found:
    return _check(new, old, ("ClusterRole",))


def _role(binding: Obj) -> str:
    role = binding.get("roleRef") or {}
    return f"{role.get('kind', '')}/{role.get('name', '')}"


def _subjects(binding: Obj, kind: str) -> str:
    found = [one for one in binding.get("subjects") or () if one.get("kind") == kind]
    if kind == "ServiceAccount":
        return ", ".join(f"{one.get('namespace', '')}/{one.get('name', '')}" for one in found)
    return ", ".join(one.get("name", "") for one in found)


_COLUMNS = (
    NAME,
    column("Role", _role),
    AGE,
    wide("Users", lambda binding: _subjects(binding, "User")),
    wide("Groups", lambda binding: _subjects(binding, "Group")),
    wide("ServiceAccounts", lambda binding: _subjects(binding, "ServiceAccount")),
)

ROLEBINDING = Kind(
    group=GROUP,
    version="v1",
    kind="RoleBinding",
    plural="rolebindings",
    singular="rolebinding",
    name_rule="path",
    fill_in=_fill_in,
    problems=_problems,
    columns=_COLUMNS,
    created_by_update=True,
)
CLUSTERROLEBINDING = Kind(
    group=GROUP,
    version="v1",
    kind="ClusterRoleBinding",
    plural="clusterrolebindings",
    singular="clusterrolebinding",
    namespaced=False,
    name_rule="path",
    fill_in=_fill_in,
    problems=_cluster_problems,
    columns=_COLUMNS,
    created_by_update=True,
)
