"""What a decision costs with 10,000 bindings: asked before, asked the first time, and after a binding has changed."""

from __future__ import annotations

import time
from collections.abc import Callable

from podo.authz.attributes import Attributes
from podo.authz.rbac.authorizer import RbacAuthorizer
from podo.authz.rbac.policy import policy

BINDINGS = 10_000


def authorizer() -> RbacAuthorizer:
    rbac = RbacAuthorizer()
    for obj in policy():
        found = obj["metadata"]
        rbac.put(obj["kind"].lower() + "s", found.get("namespace", ""), found["name"], obj)
    rules = [{"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"]}]
    for number in range(BINDINGS):
        namespace = f"ns-{number % 500}"
        rbac.put("roles", namespace, f"r{number}", {"rules": rules})
        subjects = [{"kind": "User", "name": f"user-{number % 1000}"}]
        reference = {"kind": "Role", "name": f"r{number}"}
        rbac.put("rolebindings", namespace, f"b{number}", {"roleRef": reference, "subjects": subjects})
    return rbac


def each(work: Callable[[int], object], times: int) -> float:
    """Microseconds of one, in the best of ten rounds: what others do on the machine is not measured."""
    found = []
    for _ in range(10):
        began = time.perf_counter()
        for number in range(times):
            work(number)
        found.append((time.perf_counter() - began) / times * 1e6)
    return min(found)


def main() -> None:
    rbac = authorizer()

    def ask(number: int) -> object:
        user, namespace = f"user-{number % 1000}", f"ns-{number % 500}"
        return rbac.decide(Attributes(user, ("devs", "system:authenticated"), "get", "", "pods", "", namespace, "web"))

    def ask_afresh(number: int) -> object:
        rbac._answers.clear()
        return ask(number)

    def change(number: int) -> None:
        subjects = [{"kind": "User", "name": f"user-{number}"}]
        rbac.put("rolebindings", "ns-1", "changed", {"roleRef": {"kind": "Role", "name": "r1"}, "subjects": subjects})

    for name, work in (("first time", ask_afresh), ("asked before", ask), ("a binding changes", change)):
        print(f"{name:20} {each(work, 2_000):8.2f} µs")


if __name__ == "__main__":
    main()
