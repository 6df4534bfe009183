"""Reading a kubeconfig file for a client: where the server is, and how to be somebody there."""

from __future__ import annotations

import base64
import binascii
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from podo.http.tls import client_context


@dataclass(frozen=True, slots=True)
class Access:
    server: str
    tls: ssl.SSLContext | None
    token: str


def read(path: Path, context: str = "") -> Access:
    """The access that ``context`` (else the current one) names. ValueError tells what is missing or not supported."""
    import yaml  # slow to import

    try:
        document = yaml.load(path.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (OSError, yaml.YAMLError) as failure:
        raise ValueError(f"{path}: {failure}") from failure
    if not isinstance(document, dict):
        raise ValueError(f"{path}: not a kubeconfig")
    chosen = _entry(document, "contexts", "context", context or document.get("current-context") or "", path)
    cluster = _entry(document, "clusters", "cluster", chosen.get("cluster", ""), path)
    user = _entry(document, "users", "user", chosen.get("user", ""), path)
    if "exec" in user or "auth-provider" in user:
        raise ValueError(f"{path}: users that get their credentials from a plug-in are not supported")
    server = cluster.get("server") or ""
    tls = _tls(cluster, user, path.parent) if server.startswith("https:") else None
    return Access(server, tls, user.get("token") or "")


def _entry(document: dict[str, Any], section: str, field: str, name: str, path: Path) -> dict[str, Any]:
    for entry in document.get(section) or ():
        if isinstance(entry, dict) and entry.get("name") == name:
            found: dict[str, Any] = entry.get(field) or {}
            return found
    raise ValueError(f"{path}: {section} has no {name!r}")


def _tls(cluster: dict[str, Any], user: dict[str, Any], beside: Path) -> ssl.SSLContext:
    """Data in the file goes before files that it names (relative ones are beside it)."""
    # load_cert_chain reads files only: data goes through a private directory that is gone when this returns.
    with tempfile.TemporaryDirectory(prefix="podo-client-") as private:

        def file_of(entry: dict[str, Any], field: str) -> Path | None:
            if data := entry.get(f"{field}-data"):
                file = Path(private) / field
                file.touch(mode=0o600)
                try:
                    file.write_bytes(base64.b64decode(data, validate=True))
                except binascii.Error as wrong:
                    raise ValueError(f"{field}-data is not base64: {wrong}") from wrong
                return file
            return beside / entry[field] if entry.get(field) else None

        return client_context(
            ca=file_of(cluster, "certificate-authority"),
            certificate=file_of(user, "client-certificate"),
            key=file_of(user, "client-key"),
            verify=not cluster.get("insecure-skip-tls-verify"),
        )
