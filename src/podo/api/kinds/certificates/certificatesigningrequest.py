"""CertificateSigningRequest (certificates.k8s.io/v1): a wish for a certificate, its approval, and the certificate."""

from __future__ import annotations

import base64
import binascii
import re

from podo.api.columns import AGE, NAME, column, human_duration
from podo.api.kind import Kind, Obj
from podo.api.parts import x509
from podo.api.rules import Found, duplicate, forbidden, invalid, not_supported, required

USAGES = (
    *("any", "cert sign", "client auth", "code signing", "content commitment", "crl sign", "data encipherment"),
    *("decipher only", "digital signature", "email protection", "encipher only", "ipsec end system", "ipsec tunnel"),
    *("ipsec user", "key agreement", "key encipherment", "microsoft sgc", "netscape sgc", "ocsp signing", "s/mime"),
    *("server auth", "signing", "timestamping"),
)
SHORTEST_SECONDS = 600
_PEM = re.compile(rb"\s*-----BEGIN CERTIFICATE REQUEST-----\s.+\s-----END CERTIFICATE REQUEST-----\s*", re.DOTALL)
_SIGNER = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+/[^/\s]+(\.[^/\s]+)*")
_ALWAYS_TRUE = ("Approved", "Denied", "Failed")


def _prepare(new: Obj, old: Obj | None) -> None:
    if old is not None:
        new["spec"] = old["spec"]  # the wish cannot be changed


def _check_request(spec: Obj, found: Found) -> None:
    try:
        pem = base64.b64decode(spec.get("request") or "", validate=True)
    except (binascii.Error, ValueError):
        pem = b""
    if not pem:
        found.append(required("spec.request"))
    elif not _PEM.fullmatch(pem):
        found.append(invalid("spec.request", spec["request"], "PEM block type must be CERTIFICATE REQUEST"))
    elif not _is_signed(pem):
        found.append(invalid("spec.request", spec["request"], "not a valid PKCS#10 request with a good signature"))


def _is_signed(pem: bytes) -> bool:
    request = x509.pem_request(pem)
    return request is not None and x509.is_signed(request)


def _check_spec(spec: Obj, found: Found) -> None:
    _check_request(spec, found)
    usages = spec.get("usages") or []
    if not usages:
        found.append(required("spec.usages", "usages is required"))
    for index, usage in enumerate(usages):
        if usage not in USAGES:
            found.append(not_supported(f"spec.usages[{index}]", usage, USAGES))
        elif usage in usages[:index]:
            found.append(duplicate(f"spec.usages[{index}]", usage))
    signer = spec.get("signerName") or ""
    if not signer:
        found.append(required("spec.signerName"))
    elif not _SIGNER.fullmatch(signer) or len(signer) > 571:
        why = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        found.append(invalid("spec.signerName", signer, why))
    seconds = spec.get("expirationSeconds")
    if seconds is not None and seconds < SHORTEST_SECONDS:
        why = "may not specify a duration less than 600 seconds (10 minutes)"
        found.append(invalid("spec.expirationSeconds", seconds, why))


def _check_conditions(status: Obj, found: Found) -> None:
    types = []
    for index, condition in enumerate(status.get("conditions") or ()):
        path, kind = f"status.conditions[{index}]", condition.get("type") or ""
        if not kind:
            found.append(required(f"{path}.type"))
        elif kind in types:
            found.append(duplicate(f"{path}.type", kind))
        if kind in _ALWAYS_TRUE and condition.get("status") != "True":
            found.append(not_supported(f"{path}.status", condition.get("status") or "", ("True",)))
        types.append(kind)
    if "Approved" in types and "Denied" in types:
        why = "Approved and Denied conditions are mutually exclusive"
        found.append(invalid("status.conditions", "Denied", why))


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    if old is None:
        _check_spec(new.get("spec") or {}, found)
    _check_conditions(new.get("status") or {}, found)
    return found


def _status_problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    _check_conditions(new.get("status") or {}, found)
    before = (old or {}).get("status") or {}
    certificate = (new.get("status") or {}).get("certificate")
    if before.get("certificate") and certificate != before["certificate"]:
        found.append(invalid("status.certificate", "<certificate data>", "field is immutable"))
    kept = {c.get("type") for c in (new.get("status") or {}).get("conditions") or ()}
    for condition in before.get("conditions") or ():
        if condition.get("type") in _ALWAYS_TRUE and condition["type"] not in kept:
            why = f'updates may not remove a condition of type "{condition["type"]}"'
            found.append(forbidden("status.conditions", why))
    return found


def condition_text(request: Obj) -> str:
    """``Pending``, ``Approved``, ``Approved,Issued``, ``Denied``, ``Approved,Failed``."""
    status = request.get("status") or {}
    types = [condition.get("type") for condition in status.get("conditions") or ()]
    parts = [name for name in _ALWAYS_TRUE if name in types]
    if not any(name in types for name in ("Approved", "Denied")):
        parts.insert(0, "Pending")
    if status.get("certificate"):
        parts.append("Issued")
    return ",".join(parts)


def _duration(request: Obj) -> str:
    seconds = request["spec"].get("expirationSeconds")
    return "<none>" if seconds is None else human_duration(seconds)


CERTIFICATESIGNINGREQUEST = Kind(
    group="certificates.k8s.io",
    version="v1",
    kind="CertificateSigningRequest",
    plural="certificatesigningrequests",
    singular="certificatesigningrequest",
    short_names=("csr",),
    namespaced=False,
    prepare=_prepare,
    problems=_problems,
    status_problems=_status_problems,
    subresources=frozenset({"approval", "status"}),
    fields={"spec.signerName": lambda request: request["spec"].get("signerName") or ""},
    columns=(
        NAME,
        AGE,
        column("SignerName", lambda request: request["spec"].get("signerName") or "<none>"),
        column("Requestor", lambda request: request["spec"].get("username") or ""),
        column("RequestedDuration", _duration),
        column("Condition", condition_text),
    ),
)
