"""What a ``clientConfig`` (``WebhookClientConfig`` of admissionregistration.k8s.io and apiextensions.k8s.io) points at.
Pure."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from podo.api.kind import Obj
from podo.apiserver.calling.failures import CannotCall

HTTPS = 443


@dataclass(frozen=True, slots=True)
class ServiceReference:
    namespace: str
    name: str
    port: int

    @property
    def server_name(self) -> str:
        """Whom the certificate of a server behind a Service must name."""
        return f"{self.name}.{self.namespace}.svc"


@dataclass(frozen=True, slots=True)
class Target:
    """``host``: the name asked for, which the certificate must have; ``service``: where it is found, else by DNS.

    ``url`` is without the query; ``ca`` is PEM text, "" for the CAs of the system.
    """

    url: str
    host: str
    port: int
    path: str
    ca: str
    service: ServiceReference | None = None


def target_of(client: Obj) -> Target:
    """Raises CannotCall for a configuration that names nothing that can be called."""
    ca = pem_of(client.get("caBundle") or "")
    if service := client.get("service"):
        reference = ServiceReference(service["namespace"], service["name"], service.get("port") or HTTPS)
        return _of_service(reference, service.get("path") or "/", ca)
    url = client.get("url") or ""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or HTTPS
    except ValueError as problem:
        raise CannotCall(f"Unparsable webhook URL: {problem}") from None
    if parts.scheme != "https" or not host:
        raise CannotCall("webhook configuration must have either service or URL")
    return Target(f"https://{parts.netloc}{parts.path}", host, port, _ascii(parts.path or "/"), ca)


def _of_service(reference: ServiceReference, path: str, ca: str) -> Target:
    path = path if path.startswith("/") else f"/{path}"
    url = f"https://{reference.server_name}:{reference.port}{path}"
    return Target(url, reference.server_name, reference.port, _ascii(path), ca, reference)


def _ascii(path: str) -> str:
    return quote(path, safe="/%:@!$&'()*+,;=-._~")


def pem_of(bundle: str) -> str:
    """The PEM text of a base64 ``caBundle``."""
    if not bundle:
        return ""
    try:
        text = base64.b64decode(bundle, validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        text = ""
    if "-----BEGIN CERTIFICATE-----" not in text:
        raise CannotCall("unable to load root certificates: unable to parse bytes as PEM block")
    return text
