"""The clientConfig of a webhook, be it for admission or for conversion: a URL or a Service, and whom its certificate
is held against; what of these cannot be used."""

from __future__ import annotations

import base64
import binascii
from typing import Any
from urllib.parse import urlsplit

from podo.api.rules import Found, forbidden, invalid, required
from podo.values import names

_FORM = "desired format: https://host[/path]"
_BEGIN, _END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"


def check_client(client: dict[str, Any], path: str, found: Found) -> None:
    url, service = client.get("url"), client.get("service")
    if (url is None) == (service is None):
        found.append(required(path, "exactly one of url or service is required"))
    elif url is not None:
        _check_url(url, f"{path}.url", found)
    elif service is not None:
        check_service(service, f"{path}.service", found)


def check_bundle(bundle: str, path: str, found: Found) -> None:
    """A ``caBundle``, base64 as in wire form: at least one certificate in PEM."""
    try:
        pem = base64.b64decode(bundle, validate=True)
        block = pem.partition(_BEGIN)[2].partition(_END)
        sound = bool(block[1]) and base64.b64decode(b"".join(block[0].split()), validate=True)[:1] == b"\x30"
    except binascii.Error:
        sound = False
    if not sound:
        why = "unable to load root certificates: data does not contain any valid RSA or ECDSA certificates"
        found.append(invalid(path, bundle, why))


def check_service(service: dict[str, Any], path: str, found: Found) -> None:
    for field in ("name", "namespace"):
        if not service.get(field):
            found.append(required(f"{path}.{field}", f"service {field} is required"))
    port = service.get("port")
    if port is not None and names.port_number(port):
        found.append(invalid(f"{path}.port", port, "port is not valid: must be between 1 and 65535, inclusive"))
    location = service.get("path")
    if not location:
        return
    if not location.startswith("/"):
        found.append(invalid(f"{path}.path", location, "must start with a '/'"))
    elif "//" in location:
        found.append(invalid(f"{path}.path", location, "segment[0] may not be empty"))
    if "?" in location or "#" in location:
        found.append(forbidden(f"{path}.path", "must not have a query or a fragment"))


def _check_url(url: str, path: str, found: Found) -> None:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError as problem:
        found.append(required(path, f"url must be a valid URL: {problem}; {_FORM}"))
        return
    if parts.scheme != "https":
        found.append(invalid(path, parts.scheme, f"'https' is the only allowed URL scheme; {_FORM}"))
    if not host:
        found.append(invalid(path, host or "", f"host must be specified; {_FORM}"))
    if parts.username is not None:
        found.append(invalid(path, parts.username, "user information is not permitted in the URL"))
    if parts.fragment:
        found.append(invalid(path, parts.fragment, "fragments are not permitted in the URL"))
    if parts.query:
        found.append(forbidden(path, "query parameters are not permitted in the URL"))
