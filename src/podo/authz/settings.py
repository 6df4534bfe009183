"""Which authorizers an API server asks, in which order, beside the built-in default: Node, then RBAC."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from podo.authz.abac import Policy
    from podo.cel.program import Program  # slow to import
    from podo.client.kubeconfig import Access


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """Times in seconds. ``denies_on_failure``: what an unanswered question means, else nothing."""

    name: str
    access: Access = field(repr=False)
    timeout: float
    authorized: float
    unauthorized: float
    denies_on_failure: bool
    conditions: tuple[Program, ...] = ()


@dataclass(frozen=True, slots=True)
class AuthorizationSettings:
    """``order``: names of built-in authorizers (``Node``, ``RBAC``, ``ABAC``, ``AlwaysAllow``, ``AlwaysDeny``), and
    webhooks; () is the default."""

    order: tuple[str | WebhookSettings, ...] = ()
    policies: tuple[Policy, ...] = ()
