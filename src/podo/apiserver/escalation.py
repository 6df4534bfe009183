"""Nobody grants what they do not have: the checks of writes to roles and bindings.

Who may ``escalate`` a role, or ``bind`` it, or is in system:masters, is not checked. Source: "Privilege escalation
prevention and bootstrapping" of the Kubernetes documentation.
"""

from __future__ import annotations

from podo.api.errors import ApiError, forbidden
from podo.api.kind import Kind, Obj
from podo.api.parts.systemnames import MASTERS
from podo.apiserver.call import Call
from podo.authz.attributes import Attributes
from podo.authz.chain import AuthorizerChain
from podo.authz.rbac.authorizer import GROUP
from podo.authz.rbac.cover import compact, missing, shown
from podo.authz.rbac.index import role_place

_EVERYTHING = (
    {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
    {"nonResourceURLs": ["*"], "verbs": ["*"]},
)


def check(authorizer: AuthorizerChain, call: Call, new: Obj, old: Obj | None) -> None:
    """Raises Forbidden for a write that would give somebody more than the writer has, NotFound for an absent role."""
    if call.kind.group != GROUP or MASTERS in call.user.groups:
        return
    if call.kind.plural in ("roles", "clusterroles"):
        _check_role(authorizer, call, new, old)
    else:
        _check_binding(authorizer, call, new, old)


#: What the garbage collector and the server change: nobody's rights. Labels are not among it: by them, other roles
#: take over a role's rules.
_COLLECTORS = frozenset({"ownerReferences", "finalizers", "managedFields", "resourceVersion", "generation"})


def _as_before(new: Obj, old: Obj) -> bool:
    """Does the write leave all that could give rights to somebody?"""
    return _essence(new) == _essence(old)


def _essence(obj: Obj) -> Obj:
    return {**obj, "metadata": {key: value for key, value in obj["metadata"].items() if key not in _COLLECTORS}}


def _may(authorizer: AuthorizerChain, call: Call, verb: str, plural: str, name: str) -> bool:
    user = call.user
    namespace = call.namespace if call.kind.namespaced else ""
    return authorizer.decide(
        Attributes(user.name, user.groups, verb, GROUP, plural, namespace=namespace, name=name)
    ).allowed


def _check_role(authorizer: AuthorizerChain, call: Call, new: Obj, old: Obj | None) -> None:
    before = old or {}
    rules, aggregation = new.get("rules") or [], new.get("aggregationRule")
    if old is not None and _as_before(new, old):
        return
    if _may(authorizer, call, "escalate", call.kind.plural, call.name):
        return
    if aggregation is not None and aggregation != before.get("aggregationRule"):
        held, _ = authorizer.rules_for(call.user.name, call.user.groups, "")
        if missing(held, _EVERYTHING):
            raise forbidden(call.kind, call.name, "must have cluster-admin privileges to use the aggregationRule")
    _confirm(authorizer, call, call.kind, rules)


def _check_binding(authorizer: AuthorizerChain, call: Call, new: Obj, old: Obj | None) -> None:
    if old is not None and _as_before(new, old):
        return
    reference = new.get("roleRef") or {}
    kind, name = reference.get("kind") or "", reference.get("name") or ""
    if _may(authorizer, call, "bind", f"{kind.lower()}s", name):
        return
    role = authorizer.rbac.index.role(role_place(call.namespace, reference))
    if role is None:
        raise ApiError("NotFound", f'{kind.lower()}.{GROUP} "{name}" not found', {"name": name, "group": GROUP})
    _confirm(authorizer, call, call.kind, list(role.rules))


def _confirm(authorizer: AuthorizerChain, call: Call, kind: Kind, wanted: list[Obj]) -> None:
    user = call.user
    held, errors = authorizer.rules_for(user.name, user.groups, call.namespace)
    lacking = missing(held, wanted)
    if not lacking:
        return
    groups = " ".join(f'"{group}"' for group in user.groups)
    rules = "\n".join(sorted({shown(rule) for rule in compact(lacking)}))
    why = f'user "{user.name}" (groups=[{groups}]) is attempting to grant RBAC permissions not currently held:\n{rules}'
    if errors:
        why += f"; resolution errors: [{', '.join(errors)}]"
    raise forbidden(kind, call.name, why)
