"""What a signer writes into a PodCertificateRequest that it issues: the chain, and times that agree with its leaf."""

from __future__ import annotations

import base64
from typing import Any

from podo.api.kind import Obj
from podo.api.parts import pem, x509
from podo.api.rules import Found, invalid, required, too_long
from podo.values import timestamp

MAX_BYTES = 100 * 1024
SHORTEST_SECONDS = 3600
#: A certificate is renewed neither sooner nor later than this from its ends.
MARGIN_SECONDS = 600
_CHAIN, _OMITTED = "status.certificateChain", "<value omitted>"
_TIMES = {
    "notBefore": "must be present and consistent with the issued certificate",
    "notAfter": "must be present and consistent with the issued certificate",
    "beginRefreshAt": "must be present and in the range [notbefore+10min, notafter-10min]",
}


def check(request: Obj, found: Found) -> None:
    """All that is wrong with an issued request: as upstream, the first that is wrong with its chain."""
    status = request["status"]
    chain = status.get("certificateChain") or ""
    if len(chain) > MAX_BYTES:
        found.append(too_long(_CHAIN, MAX_BYTES))
        return
    leaf, why = _leaf(chain)
    if why:
        found.append(invalid(_CHAIN, _OMITTED, why))
        return
    if not _is_for(leaf, request["spec"].get("stubPKCS10Request") or ""):
        why = "leaf certificate was not issued to the requested public key"
        found.append(invalid(_CHAIN, _OMITTED, why))
        return
    missing = [required(f"status.{field}", why) for field, why in _TIMES.items() if not status.get(field)]
    found.extend(missing)
    if not missing:
        _check_times(request, leaf, found)


def _leaf(chain: str) -> tuple[Any, str]:
    """The first certificate, once all have been looked at; or what is wrong."""
    leaf = None
    for block in pem.blocks(chain):
        if block.type != "CERTIFICATE":
            return None, "issued certificate chain must consist entirely of CERTIFICATE PEM blocks"
        found = x509.certificate(block.content)
        if found is None:
            which = "intermediate" if leaf else "leaf"
            return None, f"{which} certificate does not parse as valid X.509"
        leaf = leaf or found
    return leaf, "" if leaf else "issued certificate chain must contain at least one certificate"


def _is_for(leaf: Any, encoded: str) -> bool:
    asked = x509.request(base64.b64decode(encoded))  # looked at when it was made
    return asked is not None and bool(leaf.public_key() == asked.public_key())


def _check_times(request: Obj, leaf: Any, found: Found) -> None:
    status = request["status"]
    begins, ends, renewed = (timestamp.parse(status[field]) for field in ("notBefore", "notAfter", "beginRefreshAt"))
    first, last = (at.timestamp() for at in (leaf.not_valid_before_utc, leaf.not_valid_after_utc))
    longest = request["spec"].get("maxExpirationSeconds") or 0
    for wrong, field, why in (
        (begins != first, "notBefore", "must be set to the NotBefore time encoded in the leaf certificate"),
        (ends != last, "notAfter", "must be set to the NotAfter time encoded in the leaf certificate"),
        (last - first < SHORTEST_SECONDS, "certificateChain", "leaf certificate lifetime must be >= 1 hour"),
        (
            last - first > longest,
            "certificateChain",
            f"leaf certificate lifetime must be <= spec.maxExpirationSeconds ({longest})",
        ),
        (renewed < begins + MARGIN_SECONDS, "beginRefreshAt", "must be at least 10 minutes after status.notBefore"),
        (renewed > ends - MARGIN_SECONDS, "beginRefreshAt", "must be at least 10 minutes before status.notAfter"),
    ):
        if wrong:
            found.append(invalid(f"status.{field}", status.get(field) if field in _TIMES else _OMITTED, why))
            return
