"""The policy of a namespace: what its labels enforce, audit and warn of; the cluster's defaults where it has none.

Source: "Pod Security Admission" of the Kubernetes documentation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from podo.admission.podsecurity.standards import LATEST, LEVELS, PRIVILEGED, RESTRICTED
from podo.api.rules import Found, invalid

PREFIX = "pod-security.kubernetes.io/"
MODES = ("enforce", "audit", "warn")
_version = re.compile(r"v1\.(0|[1-9][0-9]{0,4})").fullmatch


@dataclass(frozen=True, slots=True)
class Rule:
    """A level at a version: "latest" or ``v1.N``."""

    level: str = PRIVILEGED
    version: str = "latest"

    @property
    def minor(self) -> int:
        return LATEST if self.version == "latest" else min(int(self.version[3:]), LATEST)

    @property
    def strictness(self) -> int:
        return LEVELS.index(self.level)

    def __str__(self) -> str:
        return f"{self.level}:{self.version}"


@dataclass(frozen=True, slots=True)
class Policy:
    enforce: Rule = Rule()
    audit: Rule = Rule()
    warn: Rule = Rule()

    @property
    def allows_everything(self) -> bool:
        return self.enforce.level == self.audit.level == self.warn.level == PRIVILEGED


@dataclass(frozen=True, slots=True)
class Settings:
    """As ``PodSecurityConfiguration``: the policy of namespaces without labels, and who is exempt."""

    defaults: Policy = Policy()
    usernames: frozenset[str] = field(default_factory=frozenset)
    namespaces: frozenset[str] = field(default_factory=frozenset)
    runtime_classes: frozenset[str] = field(default_factory=frozenset)


def policy_of(labels: Mapping[str, str], defaults: Policy, found: Found) -> Policy:
    """What ``labels`` ask for; ``found`` takes what is wrong with them. A wrong level to enforce means restricted, a
    wrong one of the others privileged. What is enforced is also warned of, unless a label says otherwise."""
    rules: dict[str, Rule] = {}
    for mode in MODES:
        default: Rule = getattr(defaults, mode)
        level = _checked_level(f"{PREFIX}{mode}", labels, default.level, found)
        if level not in LEVELS:
            level = RESTRICTED if mode == "enforce" else PRIVILEGED
        rules[mode] = Rule(level, _checked_version(f"{PREFIX}{mode}-version", labels, default.version, found))
    enforce, warn = rules["enforce"], rules["warn"]
    is_said = labels.get(f"{PREFIX}enforce") in LEVELS and f"{PREFIX}warn" not in labels
    if is_said and enforce.strictness > warn.strictness:
        rules["warn"] = Rule(enforce.level, warn.version if f"{PREFIX}warn-version" in labels else enforce.version)
    return Policy(**rules)


def _checked_level(label: str, labels: Mapping[str, str], default: str, found: Found) -> str:
    level = labels.get(label, default)
    if level not in LEVELS:
        found.append(invalid(f"metadata.labels[{label}]", level, f"must be one of {', '.join(LEVELS)}"))
    return level


def _checked_version(label: str, labels: Mapping[str, str], default: str, found: Found) -> str:
    version = labels.get(label, default)
    if version == "latest" or _version(version):
        return version
    found.append(invalid(f"metadata.labels[{label}]", version, 'must be "latest" or "v1.x"'))
    return "latest"
