"""Node authorization: a kubelet reads what its own pods refer to, and works on its own Node, Lease and pods.

Source: "Using Node Authorization" of the Kubernetes documentation; KEP-4601 (selectors). What a kubelet writes into
these objects is limited by the admission plug-in NodeRestriction.
"""

from __future__ import annotations

from podo.api.parts.localvolume import NODE_LABEL
from podo.authz.attributes import Attributes, Decision
from podo.authz.node.references import References
from podo.authz.rbac.policy import node_rules
from podo.authz.rbac.rules import CompiledRole
from podo.storage.contract import Store

GROUP, PREFIX = "system:nodes", "system:node:"
LEASES = "kube-node-lease"
YES, NO = Decision(True), Decision(False)
_READ = ("get", "list", "watch")
#: Objects that a pod refers to; a kubelet may get each, and list and watch one by its name where True.
_REFERRED = {"secrets": True, "configmaps": True, "persistentvolumeclaims": False, "resourceclaims": False}


class NodeAuthorizer:
    def __init__(self) -> None:
        self.references = References()
        self._rules = CompiledRole(node_rules())

    async def start(self, store: Store) -> None:
        await self.references.start(store)

    def decide(self, asked: Attributes) -> Decision:
        if GROUP not in asked.groups or not asked.user.startswith(PREFIX) or asked.path:
            return NO
        node = asked.user[len(PREFIX) :]
        if asked.group == "" and asked.resource in ("nodes", "pods", "serviceaccounts", *_REFERRED):
            return self._core(asked, node)
        if asked.group == "" and asked.resource == "persistentvolumes" and asked.verb != "get":
            return _volume(asked, node)
        if asked.group == "coordination.k8s.io" and asked.resource == "leases":
            return _lease(asked, node)
        if asked.group == "storage.k8s.io" and asked.resource == "csinodes":
            return _own(asked, node, "CSINode", ("get", "create", "update", "patch", "delete"))
        if asked.group == "resource.k8s.io" and asked.resource == "resourceclaims":
            return self._referred(asked, node)
        if asked.group == "certificates.k8s.io" and asked.resource == "podcertificaterequests":
            return self._pod_certificate(asked, node)
        return Decision(self._rules.allows(asked))

    def _core(self, asked: Attributes, node: str) -> Decision:
        if asked.resource == "nodes":
            return _node(asked, node)
        if asked.resource == "pods":
            return self._pod(asked, node)
        if asked.resource == "serviceaccounts":
            return self._account(asked, node)
        if asked.resource == "persistentvolumeclaims" and asked.subresource == "status":
            return self._related(asked, node) if asked.verb in ("get", "update", "patch") else NO
        return self._referred(asked, node)

    def _referred(self, asked: Attributes, node: str) -> Decision:
        """An object to be read because a pod names it."""
        if asked.verb not in (_READ if _REFERRED[asked.resource] else ("get",)):
            return Decision(False, "can only read resources of this type")
        if asked.subresource:
            return Decision(False, "cannot read subresource")
        if not asked.namespace:
            return Decision(False, "can only read namespaced object of this type")
        return self._related(asked, node)

    def _related(self, asked: Attributes, node: str) -> Decision:
        name = asked.name or named_field(asked.fields, "metadata.name")
        if not name:
            return Decision(False, "No Object name found")
        if self.references.has(node, asked.resource, asked.namespace, name):
            return YES
        return Decision(False, f"no relationship found between node '{node}' and this object")

    def _account(self, asked: Attributes, node: str) -> Decision:
        if asked.subresource == "token":
            if asked.verb != "create":
                return Decision(False, "can only create tokens for individual service accounts")
        elif asked.subresource or asked.verb != "get":
            return Decision(False, "can only get individual service accounts")
        return self._related(asked, node)

    def _pod(self, asked: Attributes, node: str) -> Decision:
        if asked.subresource:
            allowed = {"status": ("get", "update", "patch"), "eviction": ("create",)}
            return Decision(asked.verb in allowed.get(asked.subresource, ()))
        if asked.verb in ("create", "delete"):
            return YES  # which ones, NodeRestriction says
        if asked.verb == "get":
            return self._related(asked, node)
        if asked.verb in ("list", "watch"):
            if named_field(asked.fields, "spec.nodeName") == node:
                return YES
            if asked.name or named_field(asked.fields, "metadata.name"):
                return self._related(asked, node)
            return Decision(False, "can only list/watch pods with spec.nodeName field selector")
        return NO

    def _pod_certificate(self, asked: Attributes, node: str) -> Decision:
        """Requests for its own pods: made (for which pods, NodeRestriction says), and read."""
        if asked.subresource or asked.verb not in ("create", *_READ):
            return Decision(False, "can only create, get, list and watch PodCertificateRequests")
        if asked.verb == "create" or named_field(asked.fields, "spec.nodeName") == node:
            return YES
        if asked.verb == "get":
            return self._related(asked, node)
        return Decision(False, "can only list/watch PodCertificateRequests with spec.nodeName field selector")


def _node(asked: Attributes, node: str) -> Decision:
    if asked.subresource:
        return Decision(asked.subresource == "status" and asked.verb in ("update", "patch"))
    if asked.verb in ("create", "update", "patch"):
        return YES  # only its own: NodeRestriction
    if asked.verb in _READ:
        name = asked.name or named_field(asked.fields, "metadata.name")
        if name == node:
            return YES
        if not name:
            return Decision(False, f"node '{node}' cannot read all nodes, only its own Node object")
        return Decision(False, f"node '{node}' cannot read '{name}', only its own Node object")
    return NO


def _volume(asked: Attributes, node: str) -> Decision:
    """Volumes on the node's own disk: it looks for those to be removed, and removes them (which, NodeRestriction
    says). Others it may only get."""
    if asked.verb in ("list", "watch") and not asked.subresource:
        if named_field(asked.labels, NODE_LABEL) == node:
            return YES
        return Decision(False, f"can only list/watch persistentvolumes with {NODE_LABEL} label selector")
    return Decision(asked.verb == "delete" and not asked.subresource)


def _lease(asked: Attributes, node: str) -> Decision:
    if asked.namespace != LEASES:
        return Decision(False, f'can only access leases in the "{LEASES}" system namespace')
    return _own(asked, node, "node lease", ("get", "create", "update", "patch", "delete"))


def _own(asked: Attributes, node: str, what: str, verbs: tuple[str, ...]) -> Decision:
    """An object with the node's own name. One to be created has no name yet: NodeRestriction looks at it."""
    if asked.verb not in verbs or asked.subresource:
        return Decision(False, f"can only get, create, update, patch, or delete a {what}")
    if asked.name != node and not (asked.verb == "create" and not asked.name):
        return Decision(False, f"can only access {what} with the same name as the requesting node")
    return YES


def named_field(fields: str, field: str) -> str:
    """The one value that a field selector demands of ``field``; "" where it demands none."""
    for term in fields.split(","):
        name, equals, value = term.partition("=")
        if equals and name.strip() == field:
            return value.removeprefix("=").strip()
    return ""
