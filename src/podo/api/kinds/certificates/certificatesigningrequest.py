"""CertificateSigningRequest (certificates.k8s.io/v1): a wish for a certificate, its approval, and the certificate."""

from __future__ import annotations

import re

from podo.api.columns import AGE, NAME, column, human_duration
from podo.api.kind import Kind, Obj
from podo.api.parts import pem, x509
from podo.api.parts.signername import check_signer_name
from podo.api.rules import Found, check_one_of, duplicate, forbidden, invalid, not_supported, required

USAGES = (
    *("any", "cert sign", "client auth", "code signing", "content commitment", "crl sign", "data encipherment"),
    *("decipher only", "digital signature", "email protection", "encipher only", "ipsec end system", "ipsec tunnel"),
    *("ipsec user", "key agreement", "key encipherment", "microsoft sgc", "netscape sgc", "ocsp signing", "s/mime"),
    *("server auth", "signing", "timestamping"),
)
SHORTEST_SECONDS = 600
_PEM = re.compile(rb"\s*-----BEGIN CERTIFICATE REQUEST-----\s.+\s-----END CERTIFICATE REQUEST-----\s*", re.DOTALL)
_LEGACY_SIGNER = "kubernetes.io/legacy-unknown"
_ALWAYS_TRUE = ("Approved", "Denied", "Failed")
_DECISIONS = ("Approved", "Denied")


def _prepare(new: Obj, old: Obj | None) -> None:
    if old is not None:
        new["spec"] = old["spec"]  # the wish cannot be changed


def _check_request(spec: Obj, found: Found) -> None:
    pem_text = x509.decoded(spec.get("request"))
    if not _PEM.fullmatch(pem_text):
        found.append(invalid("spec.request", spec.get("request"), "PEM block type must be CERTIFICATE REQUEST"))
    elif not _is_signed(pem_text):
        found.append(invalid("spec.request", spec["request"], "not a valid PKCS#10 request with a good signature"))


def _is_signed(pem_text: bytes) -> bool:
    request = x509.pem_request(pem_text)
    return request is not None and x509.is_signed(request)


def _check_spec(spec: Obj, found: Found) -> None:
    _check_request(spec, found)
    usages = spec.get("usages") or []
    if not usages:
        found.append(required("spec.usages"))
    for index, usage in enumerate(usages):
        if usage not in USAGES:
            found.append(not_supported(f"spec.usages[{index}]", usage, USAGES))
    found.extend(duplicate(f"spec.usages[{at}]", usage) for at, usage in enumerate(usages) if usage in usages[:at])
    if (signer := spec.get("signerName") or "") == _LEGACY_SIGNER:
        found.append(invalid("spec.signerName", signer, "the legacy signerName is not allowed via this API version"))
    else:
        check_signer_name("spec.signerName", signer, found)
    seconds = spec.get("expirationSeconds")
    if seconds is not None and seconds < SHORTEST_SECONDS:
        why = "may not specify a duration less than 600 seconds (10 minutes)"
        found.append(invalid("spec.expirationSeconds", seconds, why))


def _check_conditions(conditions: list[Obj], found: Found) -> None:
    types: list[str] = []
    for index, condition in enumerate(conditions):
        path, kind = f"status.conditions[{index}]", condition.get("type") or ""
        if not kind:
            found.append(required(f"{path}.type"))
        allowed = ("True",) if kind in _ALWAYS_TRUE else ("False", "True", "Unknown")
        check_one_of(f"{path}.status", condition.get("status"), allowed, found)
        if (kind == "Approved" and "Denied" in types) or (kind == "Denied" and "Approved" in types):
            why = "Approved and Denied conditions are mutually exclusive"
            found.append(invalid(f"{path}.type", kind, why))
        if kind in types:
            found.append(duplicate(f"{path}.type", kind))
        types.append(kind)


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    if old is None:
        _check_spec(new.get("spec") or {}, found)
    return found


def _of_type(request: Obj, kind: str) -> list[Obj]:
    conditions = (request.get("status") or {}).get("conditions") or ()
    return [condition for condition in conditions if condition.get("type") == kind]


def _prepare_status(new: Obj, old: Obj) -> None:
    """Whoever issues certificates does not approve of them: such conditions stay as they are, as far as they are
    there."""
    conditions = list((new.get("status") or {}).get("conditions") or ())
    for kind in _DECISIONS:
        before = _of_type(old, kind)
        if before and len(before) == len(_of_type(new, kind)):
            kept = iter(before)
            conditions = [next(kept) if condition.get("type") == kind else condition for condition in conditions]
    if conditions:
        new["status"] = {**new["status"], "conditions": conditions}


def approval_problems(new: Obj, old: Obj) -> Found:
    """What is wrong with a write to the approval, which may decide but not take back."""
    found: Found = []
    _check_conditions((new.get("status") or {}).get("conditions") or [], found)
    for kind in _ALWAYS_TRUE:
        if len(_of_type(new, kind)) < len(_of_type(old, kind)):
            found.append(forbidden("status.conditions", f'updates may not remove a condition of type "{kind}"'))
    return found


def _status_problems(new: Obj, old: Obj | None) -> Found:
    before = old or {}
    certificate = (new.get("status") or {}).get("certificate")
    former = (before.get("status") or {}).get("certificate")
    found = approval_problems(new, before)
    for kind in _DECISIONS:
        if len(_of_type(new, kind)) > len(_of_type(before, kind)):
            found.append(forbidden("status.conditions", f'updates may not add a condition of type "{kind}"'))
    if certificate == former:
        return found
    if why := _wrong_certificate(certificate):
        found.append(invalid("status.certificate", "<certificate data>", why))
    if former:
        found.append(forbidden("status.certificate", "updates may not modify existing certificate content"))
    return found


def _wrong_certificate(encoded: str | None) -> str:
    if not encoded:
        return ""
    blocks = list(pem.blocks(x509.decoded(encoded).decode(errors="replace")))
    for block in blocks:
        if block.type != "CERTIFICATE":
            return f'only CERTIFICATE PEM blocks are allowed, found "{block.type}"'
        if block.has_headers:
            return "no PEM block headers are permitted"
        if x509.certificate(block.content) is None:
            return "found CERTIFICATE PEM block containing 0 certificates"
    return "" if blocks else "must contain at least one CERTIFICATE PEM block"


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
    prepare_status=_prepare_status,
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
