"""What a signer writes into a PodCertificateRequest that it issues: the chain, and times that agree with its leaf."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from podo.api.kind import Obj, Problem
from podo.api.parts import pem, x509
from podo.api.rules import Found, invalid, required, too_long, wrong
from podo.values import duration, timestamp

MAX_BYTES = 100 * 1024
SHORTEST_SECONDS = 3600
#: A certificate is renewed neither sooner nor later than this from its ends.
MARGIN_SECONDS = 600
#: How far from now a certificate may begin.
SKEW_SECONDS = 300
_CHAIN = "status.certificateChain"
_TIMES = {
    "notBefore": "must be present and consistent with the issued certificate",
    "notAfter": "must be present and consistent with the issued certificate",
    "beginRefreshAt": "must be present and in the range [notbefore+10min, notafter-10min]",
}
_NOT_ALL_CERTIFICATES = "issued certificate chain must consist entirely of CERTIFICATE PEM blocks"
_ATOM = r"[^\s()<>\[\]:;@\\,.\"]+"
_is_address = re.compile(rf"{_ATOM}(\.{_ATOM})*@{_ATOM}(\.{_ATOM})*").fullmatch


def check(request: Obj, found: Found) -> None:
    """As upstream: the leaf, then the times, then the rest of the chain; at the first that is wrong it ends."""
    status = request["status"]
    chain = status.get("certificateChain") or ""
    if len(chain.encode()) > MAX_BYTES:
        found.append(too_long(_CHAIN, MAX_BYTES))
        return
    blocks = pem.blocks(chain)
    leaf, why = _leaf(blocks)
    if why:
        found.append(invalid(_CHAIN, chain, why))
        return
    _check_names(leaf, found)
    if not _is_for(leaf, request["spec"].get("stubPKCS10Request") or ""):
        found.append(invalid(_CHAIN, chain, "leaf certificate was not issued to the requested public key"))
        return
    found.extend(required(f"status.{field}", why) for field, why in _TIMES.items() if not status.get(field))
    if found:
        return
    if problem := _wrong_time(request, leaf):
        found.append(problem)
    elif why := _wrong_intermediate(blocks):
        found.append(invalid(_CHAIN, chain, why))


def _leaf(blocks: Iterator[pem.Block]) -> tuple[Any, str]:
    """The first certificate; or what is wrong with it."""
    block = next(blocks, None)
    if block is None:
        return None, "issued certificate chain must contain at least one certificate"
    if block.type != "CERTIFICATE":
        return None, _NOT_ALL_CERTIFICATES
    leaf = x509.certificate(block.content)
    return leaf, "" if leaf else "leaf certificate does not parse as valid X.509"


def _wrong_intermediate(blocks: Iterator[pem.Block]) -> str:
    for block in blocks:
        if block.type != "CERTIFICATE":
            return _NOT_ALL_CERTIFICATES
        if x509.certificate(block.content) is None:
            return "intermediate certificate does not parse as valid X.509"
    return ""


def _check_names(leaf: Any, found: Found) -> None:
    domains, addresses = x509.names_of(leaf)
    for domain in domains:
        if not domain:
            found.append(invalid(_CHAIN, domain, "leaf certificate should not contain empty DNSName"))
        if ".." in domain:
            found.append(invalid(_CHAIN, domain, "leaf certificate's DNSName should not contain '..'"))
        if domain.startswith(".") or domain.endswith("."):
            found.append(invalid(_CHAIN, domain, "leaf certificate's DNSName should not start or end with '.'"))
    for address in addresses:
        if not _is_address(address):
            found.append(invalid(_CHAIN, address, "leaf certificate should not contain invalid EmailAddress"))


def _is_for(leaf: Any, encoded: str) -> bool:
    asked = x509.request(x509.decoded(encoded))  # looked at when it was made
    return asked is not None and bool(leaf.public_key() == asked.public_key())


def _wrong_time(request: Obj, leaf: Any) -> Problem | None:
    """The first time that does not agree with the leaf, or with what was asked for."""
    begins, ends, renewed = (timestamp.parse(request["status"][field]) for field in _TIMES)
    first, last = (at.timestamp() for at in (leaf.not_valid_before_utc, leaf.not_valid_after_utc))
    longest = request["spec"].get("maxExpirationSeconds") or 0
    if begins != first:
        return _wrong("notBefore", begins, "must be set to the NotBefore time encoded in the leaf certificate")
    if ends != last:
        return _wrong("notAfter", ends, "must be set to the NotAfter time encoded in the leaf certificate")
    if last - first < SHORTEST_SECONDS:
        return _wrong_lifetime(last - first, "leaf certificate lifetime must be >= 1 hour")
    if last - first > longest:
        why = f"leaf certificate lifetime must be <= spec.maxExpirationSeconds ({longest})"
        return _wrong_lifetime(last - first, why)
    if renewed < begins + MARGIN_SECONDS:
        return _wrong("beginRefreshAt", renewed, "must be at least 10 minutes after status.notBefore")
    if renewed > ends - MARGIN_SECONDS:
        return _wrong("beginRefreshAt", renewed, "must be at least 10 minutes before status.notAfter")
    return None


def wrong_beginning(request: Obj, now: float) -> Problem | None:
    """Of what is right otherwise: a certificate that does not begin about ``now``."""
    begins = timestamp.parse(request["status"]["notBefore"])
    if abs(begins - now) < SKEW_SECONDS:
        return None
    return _wrong("notBefore", begins, "must be set to within 5 minutes of kube-apiserver's current time")


def _wrong(field: str, at: float, why: str) -> Problem:
    return wrong(f"status.{field}", f"{timestamp.go_time(at)}: {why}")


def _wrong_lifetime(seconds: float, why: str) -> Problem:
    return wrong(_CHAIN, f"{duration.text(seconds)}: {why}")
