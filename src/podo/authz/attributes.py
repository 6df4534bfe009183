"""What is asked for, as authorizers see it, and the text of a refusal."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Attributes:
    """One question to an authorizer. ``path`` is set instead of the resource's fields for what is no resource."""

    user: str
    groups: tuple[str, ...]
    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""


def refusal(asked: Attributes) -> str:
    """Upstream's words for a request that no rule allows."""
    if asked.path:
        return f'forbidden: User "{asked.user}" cannot {asked.verb} path "{asked.path}"'
    resource = f"{asked.resource}/{asked.subresource}" if asked.subresource else asked.resource
    qualified = f"{asked.resource}.{asked.group}" if asked.group else asked.resource
    subject = f'{qualified} "{asked.name}"' if asked.name else qualified
    scope = f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
    return (
        f'{subject} is forbidden: User "{asked.user}" cannot {asked.verb} resource "{resource}" '
        f'in API group "{asked.group}" {scope}'
    )
