"""The cluster's Pod Security: ``pod-security.yaml`` of the data directory, a PodSecurityConfiguration with the policy
of namespaces without labels and with exemptions; without it everything is privileged and nobody is exempt.

Source: "Enforce Pod Security Standards by Configuring the Built-in Admission Controller" of the Kubernetes
documentation.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from podo.admission.podsecurity.policy import MODES, PREFIX, Policy, Settings, policy_of
from podo.api.rules import Found
from podo.cluster.config import Config, ConfigProblem


def path(config: Config) -> Path:
    return Path(config.data_dir) / "pod-security.yaml"


def load(config: Config) -> Settings:
    """Raises ConfigProblem, which names the file."""
    file = path(config)
    return parse(file.read_bytes(), str(file)) if file.exists() else Settings()


def parse(document: bytes, where: str) -> Settings:
    """Raises ConfigProblem."""
    import yaml

    try:
        found = yaml.safe_load(document)
    except yaml.YAMLError:
        raise ConfigProblem(f"{where} is not YAML") from None
    if not isinstance(found, dict) or found.get("kind") != "PodSecurityConfiguration":
        raise ConfigProblem(f"{where}: kind must be PodSecurityConfiguration")
    exemptions = _object(found.get("exemptions"), where, "exemptions")
    return Settings(
        _defaults(_object(found.get("defaults"), where, "defaults"), where),
        _names(exemptions, "usernames", where),
        _names(exemptions, "namespaces", where),
        _names(exemptions, "runtimeClasses", where),
    )


def _object(value: Any, where: str, field: str) -> dict[str, Any]:
    if value is not None and not isinstance(value, dict):
        raise ConfigProblem(f"{where}: {field} must be an object")
    return value or {}


def _names(exemptions: dict[str, Any], field: str, where: str) -> frozenset[str]:
    names = exemptions.get(field) or []
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise ConfigProblem(f"{where}: exemptions.{field} must be a list of names")
    return frozenset(names)


def _defaults(defaults: dict[str, Any], where: str) -> Policy:
    """Written as the labels of a namespace are, without their prefix; of no mode is another one's default made."""
    known = {name for mode in MODES for name in (mode, f"{mode}-version")}
    if unknown := sorted(set(defaults) - known):
        raise ConfigProblem(f"{where}: defaults.{unknown[0]} is none of {', '.join(sorted(known))}")
    wrong: Found = []
    labels = {f"{PREFIX}{name}": str(value) for name, value in defaults.items()}
    labels.setdefault(f"{PREFIX}warn", "privileged")
    found = policy_of(labels, Policy(), wrong)
    if wrong:
        raise ConfigProblem(f"{where}: {wrong[0].message}")
    return found
