"""TLS contexts of servers and clients, by the standard library: TLS 1.2 and up, certificates changed while serving."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from pathlib import Path

#: Of TLS 1.2: forward secrecy and authenticated encryption only. TLS 1.3 has nothing else.
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"


def server_context(
    certificate: Path | str,
    key: Path | str,
    *,
    client_ca: Path | str | None = None,
    require_client: bool = False,
    protocols: Sequence[str] = ("h2", "http/1.1"),
) -> ssl.SSLContext:
    """A server's context from PEM files.

    With ``client_ca`` a client may show a certificate of that CA; ``require_client`` refuses those that show none.
    One of another CA fails the handshake (the standard library cannot ask without verifying). ``protocols`` are
    offered by ALPN.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.set_ciphers(CIPHERS)
    context.set_alpn_protocols(list(protocols))
    if client_ca:
        context.load_verify_locations(str(client_ca))
        context.verify_mode = ssl.CERT_REQUIRED if require_client else ssl.CERT_OPTIONAL
    change_certificate(context, certificate, key)
    return context


def change_certificate(context: ssl.SSLContext, certificate: Path | str, key: Path | str) -> None:
    """Use another certificate for the connections from now on."""
    context.load_cert_chain(str(certificate), str(key))


def client_context(
    *,
    ca: Path | str | None = None,
    ca_data: str = "",
    certificate: Path | str | None = None,
    key: Path | str | None = None,
    verify: bool = True,
) -> ssl.SSLContext:
    """A client's context; ``ca`` a PEM file or ``ca_data`` PEM text (else the system's); ``certificate`` its own."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif ca or ca_data:
        context.load_verify_locations(cafile=str(ca) if ca else None, cadata=ca_data or None)
    else:
        context.load_default_certs()
    if certificate:
        context.load_cert_chain(str(certificate), str(key) if key else None)
    return context
