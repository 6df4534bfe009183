"""Why a call of the API server failed, in the words that upstream's clients print."""

from __future__ import annotations

import errno
import socket
import ssl

from podo.http.exchange import NoAnswer

DEADLINE = "context deadline exceeded"

_EXPIRED, _NOT_YET, _WRONG_HOST, _WRONG_ADDRESS = 10, 9, 62, 64  # X509_V_ERR_* of OpenSSL
_STATUS = {
    400: "the server rejected our request for an unknown reason",
    401: "the server has asked for the client to provide credentials",
    403: "the server does not allow access to the requested resource",
    404: "the server could not find the requested resource",
    405: "the server does not allow this method on the requested resource",
    406: "the server was unable to respond with a content type that the client supports",
    409: "the server reported a conflict",
    413: "request is too large",
    415: "the server was unable to understand the content type of the request",
    422: "the server rejected our request due to an error in our request",
    429: "the server has received too many requests and has asked us to try again later",
    503: "the server is currently unable to handle the request",
    504: "the server was unable to return a response in the time allotted, but may still be processing the request",
}
#: Characters of a server's own words that are repeated.
_WORDS = 256


class CannotCall(Exception):
    """The call was not answered as it must be; the text says why. Whether the other side acted is not known."""


def of_connection(failure: NoAnswer, host: str, address: str) -> str:
    """Why there was no answer of ``host`` at ``address`` (``1.2.3.4:443``)."""
    cause = failure.__cause__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"tls: failed to verify certificate: x509: {_certificate(cause, host)}"
    if isinstance(cause, ssl.SSLError):
        if cause.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"):
            return "http: server gave HTTP response to HTTPS client"
        return f"tls: {(cause.reason or str(cause)).lower().replace('_', ' ')}"
    if isinstance(cause, socket.gaierror):
        return f"dial tcp: lookup {host}: no such host"
    if isinstance(cause, OSError):
        return f"dial tcp {address}: {_dialing(cause)}"
    return f"dial tcp {address}: i/o timeout" if str(failure).startswith("connect to ") else str(failure)


def _certificate(cause: ssl.SSLCertVerificationError, host: str) -> str:
    if cause.verify_code in (_EXPIRED, _NOT_YET):
        return "certificate has expired or is not yet valid"
    if cause.verify_code in (_WRONG_HOST, _WRONG_ADDRESS):
        return f"certificate is not valid for {host}"
    return "certificate signed by unknown authority"


def _dialing(cause: OSError) -> str:
    if cause.errno == errno.ECONNREFUSED or "refused" in str(cause) or "Connect call failed" in str(cause):
        return "connect: connection refused"
    if cause.errno == errno.EHOSTUNREACH:
        return "connect: no route to host"
    if cause.errno == errno.ENETUNREACH:
        return "connect: network is unreachable"
    return f"connect: {cause.strerror or cause}"


def of_status(status: int, body: bytes) -> str:
    """Why an answer with a status that is no success is none."""
    if found := _STATUS.get(status):
        return found
    if status >= 500:
        words = body[:_WORDS].decode("utf-8", "replace").strip().replace('"', '\\"')
        return f'an error on the server ("{words or "unknown"}") has prevented the request from succeeding'
    return f"the server responded with the status code {status} but did not return more information"
