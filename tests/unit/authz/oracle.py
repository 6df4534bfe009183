"""A slow, obviously right evaluator of RBAC, and random worlds of roles and bindings to ask it about."""

from __future__ import annotations

import random
from typing import Any

from podo.authz.attributes import Attributes

Obj = dict[str, Any]

NAMESPACES = ("", "a", "b", "c")
USERS = ("jane", "max", "system:serviceaccount:a:bot", "system:serviceaccount:b:bot", "nobody")
GROUPS = ("devs", "ops", "system:serviceaccounts:a")
VERBS = ("get", "list", "create", "delete", "*")
API_GROUPS = ("", "apps", "batch", "*")
RESOURCES = ("pods", "pods/log", "pods/status", "deployments", "secrets", "*/log", "*/scale", "*")
NAMES = ("x", "y", "z")
PATHS = ("/healthz", "/healthz/*", "/metrics", "/apis/*", "*")


def random_rule(chance: random.Random, namespaced: bool) -> Obj:
    if not namespaced and chance.random() < 0.2:
        return {"verbs": _some(chance, VERBS), "nonResourceURLs": _some(chance, PATHS)}
    rule = {
        "verbs": _some(chance, VERBS),
        "apiGroups": _some(chance, API_GROUPS),
        "resources": _some(chance, RESOURCES),
    }
    if chance.random() < 0.3:
        rule["resourceNames"] = _some(chance, NAMES)
    return rule


def _some(chance: random.Random, values: tuple[str, ...]) -> list[str]:
    return chance.sample(values, chance.randint(1, 2))


def random_world(chance: random.Random, size: int) -> list[tuple[str, str, str, Obj]]:
    """(plural, namespace, name, object); some bindings name roles that are not there."""
    world = []
    for number in range(size):
        namespace = chance.choice(NAMESPACES)
        plural = "roles" if namespace else "clusterroles"
        rules = [random_rule(chance, bool(namespace)) for _ in range(chance.randint(0, 3))]
        world.append((plural, namespace, f"r{number}", {"rules": rules}))
    for number in range(size):
        namespace = chance.choice(NAMESPACES)
        plural = "rolebindings" if namespace else "clusterrolebindings"
        kind = "ClusterRole" if not namespace or chance.random() < 0.5 else "Role"
        reference = {"kind": kind, "name": f"r{chance.randrange(size + 2)}"}
        subjects = [_subject(chance) for _ in range(chance.randint(0, 2))]
        world.append((plural, namespace, f"b{number}", {"roleRef": reference, "subjects": subjects}))
    return world


def _subject(chance: random.Random) -> Obj:
    kind = chance.choice(("User", "Group", "ServiceAccount"))
    if kind == "ServiceAccount":
        return {"kind": kind, "name": "bot", "namespace": chance.choice(("a", "b"))}
    return {"kind": kind, "name": chance.choice(USERS if kind == "User" else GROUPS)}


def random_question(chance: random.Random) -> Attributes:
    user, groups = chance.choice(USERS), tuple(chance.sample(GROUPS, chance.randint(0, 2)))
    if chance.random() < 0.15:
        path = chance.choice(("/healthz", "/healthz/ping", "/metrics", "/apis/apps", "/other"))
        return Attributes(user, groups, chance.choice(("get", "delete")), path=path)
    return Attributes(
        user,
        groups,
        chance.choice(VERBS[:-1]),
        chance.choice(API_GROUPS[:-1]),
        chance.choice(("pods", "deployments", "secrets")),
        chance.choice(("", "", "log", "status", "scale")),
        chance.choice(NAMESPACES),
        chance.choice(("", *NAMES)),
    )


def allowed(world: list[tuple[str, str, str, Obj]], asked: Attributes) -> bool:
    """Look at every binding, every subject and every rule."""
    for plural, namespace, _, binding in world:
        if plural == "clusterrolebindings" or (plural == "rolebindings" and asked.namespace == namespace):
            if not any(_is(subject, asked) for subject in binding["subjects"]):
                continue
            reference = binding["roleRef"]
            for role_plural, role_namespace, role_name, role in world:
                wanted = ("roles", namespace) if reference["kind"] == "Role" else ("clusterroles", "")
                named = (role_plural, role_namespace) == wanted and role_name == reference["name"]
                if named and any(_rule_allows(rule, asked) for rule in role["rules"]):
                    return True
    return False


def _is(subject: Obj, asked: Attributes) -> bool:
    if subject["kind"] == "User":
        return asked.user == subject["name"]
    if subject["kind"] == "Group":
        return subject["name"] in asked.groups
    return asked.user == f"system:serviceaccount:{subject['namespace']}:{subject['name']}"


def _rule_allows(rule: Obj, asked: Attributes) -> bool:
    if "*" not in rule["verbs"] and asked.verb not in rule["verbs"]:
        return False
    if asked.path:
        return any(_path(url, asked.path) for url in rule.get("nonResourceURLs", []))
    if "*" not in rule.get("apiGroups", []) and asked.group not in rule.get("apiGroups", []):
        return False
    if rule.get("resourceNames") and asked.name not in rule["resourceNames"]:
        return False
    whole = asked.resource + ("/" + asked.subresource if asked.subresource else "")
    for resource in rule.get("resources", []):
        if resource in ("*", whole):
            return True
        if asked.subresource and resource == "*/" + asked.subresource:
            return True
    return False


def _path(url: str, path: str) -> bool:
    if url == "*":
        return True
    return path.startswith(url[:-1]) if url.endswith("*") else path == url
