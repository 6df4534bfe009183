"""Node authorization: a kubelet reads what its own pods refer to, and works on its own Node, Lease and pods.

Source: "Using Node Authorization" of the Kubernetes documentation; KEP-4601 (selectors). What a kubelet writes into
these objects is limited by the admission plug-in NodeRestriction.
"""

from __future__ import annotations

from collections.abc import Callable

from podo.api.parts.localvolume import NODE_LABEL
from podo.api.parts.systemnames import NODE_PREFIX, NODES
from podo.authz.attributes import Attributes, Decision
from podo.authz.node.references import References
from podo.authz.rbac.policy import node_rules
from podo.authz.rbac.rules import CompiledRole
from podo.storage.contract import Store
from podo.values import selector
from podo.values.fieldselector import demanded

LEASES = "kube-node-lease"
YES, NO = Decision(True), Decision(False)
_READ = ("get", "list", "watch")
_WRITE_OWN = ("get", "create", "update", "patch", "delete")
#: Objects that a pod refers to; a kubelet may get each, and list and watch one by its name where True.
_REFERRED = {
    ("", "secrets"): True,
    ("", "configmaps"): True,
    ("", "persistentvolumeclaims"): False,
    ("", "persistentvolumes"): False,
    ("resource.k8s.io", "resourceclaims"): False,
    ("storage.k8s.io", "volumeattachments"): False,
}


def is_node(user: str, groups: tuple[str, ...]) -> bool:
    return NODES in groups and user.startswith(NODE_PREFIX)


class NodeAuthorizer:
    def __init__(self) -> None:
        self.references = References()
        self._rules = CompiledRole(node_rules())
        self._narrowed: dict[tuple[str, str], Callable[[Attributes, str], Decision]] = {
            ("", "nodes"): _node,
            ("", "pods"): self._pod,
            ("", "serviceaccounts"): self._account,
            ("coordination.k8s.io", "leases"): _lease,
            ("storage.k8s.io", "csinodes"): _csi_node,
            ("resource.k8s.io", "resourceslices"): self._slice,
            ("certificates.k8s.io", "podcertificaterequests"): self._pod_certificate,
            **dict.fromkeys(_REFERRED, self._referred),
        }

    async def start(self, store: Store) -> None:
        await self.references.start(store)

    def decide(self, asked: Attributes) -> Decision:
        if not is_node(asked.user, asked.groups):
            return NO
        node = asked.user[len(NODE_PREFIX) :]
        if not node:
            return Decision(False, f'unknown node for user "{asked.user}"')
        narrowed = None if asked.path else self._narrowed.get((asked.group, asked.resource))
        return narrowed(asked, node) if narrowed else Decision(self._rules.allows(asked))

    def _referred(self, asked: Attributes, node: str) -> Decision:
        """An object to be read because a pod names it."""
        if asked.resource == "persistentvolumes" and asked.verb != "get":
            return _volume(asked, node)
        if asked.resource == "persistentvolumeclaims" and asked.subresource == "status":
            return self._claim_status(asked, node)
        if not _REFERRED[asked.group, asked.resource]:
            if asked.verb != "get":
                return Decision(False, "can only get individual resources of this type")
            return Decision(False, "cannot get subresource") if asked.subresource else self._related(asked, node)
        if asked.verb not in _READ:
            return Decision(False, "can only read resources of this type")
        if asked.subresource:
            return Decision(False, "cannot read subresource")
        if not asked.namespace:
            return Decision(False, "can only read namespaced object of this type")
        return self._related(asked, node)

    def _claim_status(self, asked: Attributes, node: str) -> Decision:
        if asked.verb not in ("update", "patch"):
            return Decision(False, "can only get/update/patch this type")
        return self._related(asked, node)

    def _related(self, asked: Attributes, node: str) -> Decision:
        if not asked.name:
            return Decision(False, "No Object name found")
        if self.references.has(node, asked.resource, asked.namespace, asked.name):
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
            allowed = {"status": ("update", "patch"), "eviction": ("create",)}
            return Decision(asked.verb in allowed.get(asked.subresource, ()))
        if asked.verb in ("create", "delete"):
            return YES  # which ones, NodeRestriction says
        if asked.verb == "get":
            return self._related(asked, node)
        if asked.verb in ("list", "watch"):
            if demanded(asked.fields, "spec.nodeName") == node:
                return YES
            if asked.name:
                return self._related(asked, node)
            return Decision(False, "can only list/watch pods with spec.nodeName field selector")
        return NO

    def _slice(self, asked: Attributes, node: str) -> Decision:
        """What the drivers of this node offer; which it makes, and which of many it deletes, NodeRestriction says."""
        if asked.subresource:
            return Decision(False, "cannot authorize ResourceSlice subresources")
        if asked.verb == "create":
            return YES
        if asked.verb in _WRITE_OWN:
            return self._related(asked, node)
        if asked.verb not in ("list", "watch", "deletecollection"):
            verbs = "get, watch, list, create, update, patch, delete, deletecollection"
            return Decision(False, f"only the following verbs are allowed for a ResourceSlice: {verbs}")
        if demanded(asked.fields, "spec.nodeName") == node:
            return YES
        return Decision(False, "can only list/watch/deletecollection resourceslices with nodeName field selector")

    def _pod_certificate(self, asked: Attributes, node: str) -> Decision:
        """Requests for its own pods: made (for which pods, NodeRestriction says), and read."""
        if asked.subresource:
            return Decision(False, "nodes may not access the status subresource of PodCertificateRequests")
        if asked.verb == "create":
            return YES
        if asked.verb == "get":
            return self._related(asked, node)
        if asked.verb not in ("list", "watch"):
            return Decision(False, f"nodes may not {asked.verb} podcertificaterequests")
        if demanded(asked.fields, "spec.nodeName") == node:
            return YES
        return Decision(False, "can only list/watch podcertificaterequests with nodeName field selector")


def _node(asked: Attributes, node: str) -> Decision:
    if asked.subresource:
        return Decision(asked.subresource == "status" and asked.verb in ("update", "patch"))
    if asked.verb in ("create", "update", "patch"):
        return YES  # only its own: NodeRestriction
    if asked.verb in _READ:
        if asked.name == node:
            return YES
        if not asked.name:
            return Decision(False, f"node '{node}' cannot read all nodes, only its own Node object")
        return Decision(False, f"node '{node}' cannot read '{asked.name}', only its own Node object")
    return NO


def _volume(asked: Attributes, node: str) -> Decision:
    """Volumes on the node's own disk: it looks for those to be removed, and removes them (which, NodeRestriction
    says). Others it may only get."""
    if asked.verb in ("list", "watch") and not asked.subresource:
        if _has_label(asked.labels, node):
            return YES
        return Decision(False, f"can only list/watch persistentvolumes with {NODE_LABEL} label selector")
    return Decision(asked.verb == "delete" and not asked.subresource)


def _has_label(labels: str, node: str) -> bool:
    """Does the label selector ask for the volumes of this node only?"""
    try:
        requirements = selector.parse(labels).requirements
    except selector.SelectorError:
        return False
    wanted = frozenset((node,))
    return any(
        one.key == NODE_LABEL and one.operator in ("=", "==", "in") and one.values == wanted for one in requirements
    )


def _lease(asked: Attributes, node: str) -> Decision:
    if asked.verb not in _WRITE_OWN:
        return Decision(False, "can only get, create, update, patch, or delete a node lease")
    if asked.namespace != LEASES:
        return Decision(False, f'can only access leases in the "{LEASES}" system namespace')
    return _own(asked, node, "node lease")


def _csi_node(asked: Attributes, node: str) -> Decision:
    if asked.verb not in _WRITE_OWN:
        return Decision(False, "can only get, create, update, patch, or delete a CSINode")
    if asked.subresource:
        return Decision(False, "cannot authorize CSINode subresources")
    return _own(asked, node, "CSINode")


def _own(asked: Attributes, node: str, what: str) -> Decision:
    """An object with the node's own name. One to be created has no name yet: NodeRestriction looks at it."""
    if asked.verb == "create" or asked.name == node:
        return YES
    return Decision(False, f"can only access {what} with the same name as the requesting node")
