"""pods/ephemeralcontainers: adds containers to a running pod to look into it; whoever may do so need not be allowed to
change pods. Source: "Ephemeral Containers" of the Kubernetes documentation, KEP-277.
"""

from __future__ import annotations

from podo.api.errors import invalid
from podo.api.kind import Kind, Obj
from podo.api.meta import annotations_of
from podo.api.parts.ephemeral_rules import check_only_additions
from podo.api.parts.pod_annotations import MIRROR
from podo.api.parts.podspec_rules import check_pod_spec
from podo.api.rules import Found, forbidden
from podo.apiserver.subresources.part import keep_all_but


def keep_others(new: Obj, old: Obj) -> None:
    """Of the pod that was sent, only the ephemeral containers count."""
    wanted = (new.get("spec") or {}).get("ephemeralContainers")
    keep_all_but(new, old, {"ephemeralContainers": wanted})


def check(kind: Kind, new: Obj, old: Obj) -> None:
    """Raises Invalid: ephemeral containers may only be added."""
    found: Found = []
    if MIRROR in annotations_of(old):
        found.append(forbidden("", "static pods do not support ephemeral containers"))
    else:
        check_pod_spec(new["spec"], "spec", found, new["metadata"]["name"])
        check_only_additions(new["spec"], old["spec"], found)
    if found:
        raise invalid(kind, new["metadata"]["name"], found)
