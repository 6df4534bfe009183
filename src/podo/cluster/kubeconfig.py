"""Kubeconfig files: the cluster's own, and its context merged into (or taken out of) the user's.

A user's file is theirs: only the entries named after the cluster's context are touched, the rest is kept as it was
read.
"""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

from podo.cluster.config import Config
from podo.cluster.layout import write_atomically


class KubeconfigProblem(ValueError):
    """A user's kubeconfig cannot be read or written; nothing was changed."""


def user_path() -> Path:
    """Where kubectl would write: the first file of ``$KUBECONFIG``, else ``~/.kube/config``."""
    named = [part for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    return Path(named[0]) if named else Path.home() / ".kube" / "config"


def render(config: Config) -> bytes:
    """A kubeconfig with the administrator's client certificate, as YAML."""
    return _dump(_entries(config))


def _entries(config: Config) -> dict[str, Any]:
    def embedded(file: str) -> str:
        return base64.b64encode((config.layout.pki / file).read_bytes()).decode()

    name = config.context
    cluster = {"server": config.server_url, "certificate-authority-data": embedded("ca.crt")}
    user = {"client-certificate-data": embedded("admin.crt"), "client-key-data": embedded("admin.key")}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
        "preferences": {},
    }


def merge(config: Config, path: Path) -> None:
    """Put the cluster's context into the file at ``path`` and make it the current one."""
    document, ours = _read(path), _entries(config)
    for section in ("clusters", "users", "contexts"):
        document[section] = [*_without(document, section, config.context), *ours[section]]
    document.setdefault("apiVersion", "v1")
    document.setdefault("kind", "Config")
    document["current-context"] = config.context
    _write(path, document)


def refresh(config: Config, path: Path) -> bool:
    """Write the cluster's context anew where the file has it, and leave the current one; False where it has not."""
    if not path.exists():
        return False
    document, ours = _read(path), _entries(config)
    if not any(entry.get("name") == config.context for entry in document.get("contexts") or []):
        return False
    for section in ("clusters", "users"):
        document[section] = [*_without(document, section, config.context), *ours[section]]
    _write(path, document)
    return True


def remove(config: Config, path: Path) -> bool:
    """Take the cluster's context out again; False where the file has none of it."""
    if not path.exists():
        return False
    document = _read(path)
    before = [document.get(section) for section in ("clusters", "users", "contexts")]
    for section in ("clusters", "users", "contexts"):
        document[section] = _without(document, section, config.context)
    if before == [document[section] for section in ("clusters", "users", "contexts")]:
        return False
    if document.get("current-context") == config.context:
        document["current-context"] = ""
    _write(path, document)
    return True


def _without(document: dict[str, Any], section: str, name: str) -> list[Any]:
    return [entry for entry in document.get(section) or [] if entry.get("name") != name]


def _read(path: Path) -> dict[str, Any]:
    import yaml

    try:
        document = yaml.safe_load(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, yaml.YAMLError) as failure:
        raise KubeconfigProblem(f"{path}: {failure}") from failure
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise KubeconfigProblem(f"{path}: not a kubeconfig")
    return document


def _dump(document: dict[str, Any]) -> bytes:
    import yaml

    return yaml.safe_dump(document, sort_keys=False).encode()


def _write(path: Path, document: dict[str, Any]) -> None:
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        write_atomically(path, _dump(document))
    except OSError as failure:
        raise KubeconfigProblem(f"{path}: {failure.strerror}") from failure
