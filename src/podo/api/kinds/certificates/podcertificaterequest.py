"""PodCertificateRequest (certificates.k8s.io/v1): a kubelet asks a signer for a certificate for one of its pods."""

from __future__ import annotations

from typing import Any

from podo.api.kind import Kind, Obj
from podo.api.kinds.certificates import issuedchain
from podo.api.parts import x509
from podo.api.parts.condition_rules import check_conditions
from podo.api.parts.signername import check_certificate_seconds, check_signer_name, check_user_annotations
from podo.api.rules import Found, check_immutable, check_text, invalid, not_supported, required, too_long, wrong
from podo.values import names

DEFAULT_SECONDS = 86400
MAX_REQUEST_BYTES = 10 * 1024
UID_MAX = 128
TERMINAL = ("Issued", "Denied", "Failed")
_REQUEST = "spec.stubPKCS10Request"


def _fill_in(request: Obj) -> None:
    spec = request.get("spec")
    if isinstance(spec, dict) and spec.get("maxExpirationSeconds") is None:
        spec["maxExpirationSeconds"] = DEFAULT_SECONDS


def _check_spec(spec: Obj, found: Found) -> None:
    check_signer_name("spec.signerName", spec.get("signerName") or "", found)
    check_user_annotations("spec.unverifiedUserAnnotations", spec.get("unverifiedUserAnnotations") or {}, found)
    for whose in ("pod", "serviceAccount", "node"):
        check_text(f"spec.{whose}Name", spec.get(f"{whose}Name") or "", names.subdomain, found)
        uid = spec.get(f"{whose}UID") or ""
        if not uid:
            found.append(invalid(f"spec.{whose}UID", uid, "must not be empty"))
        elif len(uid) > UID_MAX:
            found.append(too_long(f"spec.{whose}UID", UID_MAX))
    seconds, signer = spec.get("maxExpirationSeconds"), spec.get("signerName") or ""
    check_certificate_seconds("spec.maxExpirationSeconds", signer, seconds, found)
    _check_request(spec.get("stubPKCS10Request") or "", found)


def _check_request(encoded: str, found: Found) -> None:
    """A PKCS#10 request (DER) signed by the key that it is for: that is the proof of possession."""
    if not encoded:
        found.append(required(_REQUEST))
        return
    given = x509.decoded(encoded)
    if len(given) > MAX_REQUEST_BYTES:
        found.append(too_long(_REQUEST, MAX_REQUEST_BYTES))
        return
    request = x509.request(given)
    if request is None:
        found.append(invalid(_REQUEST, encoded, "must be a valid PKCS#10 CSR"))
    elif why := _bad_key(request.public_key()):
        found.append(wrong(_REQUEST, why))
    elif not x509.is_signed(request):
        found.append(wrong(_REQUEST, "invalid signature"))


def _bad_key(key: Any) -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(key, ed25519.Ed25519PublicKey):
        return ""
    if isinstance(key, ec.EllipticCurvePublicKey):
        good = key.curve.name in ("secp256r1", "secp384r1", "secp521r1")
        name = "P-224" if key.curve.name == "secp224r1" else key.curve.name  # as Go knows it
        return "" if good else f"curve {name}: elliptic public keys must use curve P256, P384, or P521"
    if isinstance(key, rsa.RSAPublicKey):
        bits = (key.key_size + 7) // 8 * 8
        good = bits in (3072, 4096)
        return "" if good else f"{bits}-bit modulus: RSA keys must have modulus size 3072 or 4096"
    return "unknown public key type; supported types are Ed25519, ECDSA, and RSA"


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    if old is None:
        _check_spec(new.get("spec") or {}, found)
    else:
        check_immutable("spec", new.get("spec"), old.get("spec"), found)
    return found


def outcome(request: Obj) -> str:
    """``Issued``, ``Denied`` or ``Failed``; "" while nobody has decided."""
    for condition in (request.get("status") or {}).get("conditions") or ():
        if condition.get("type") in TERMINAL and condition.get("status") == "True":
            return str(condition["type"])
    return ""


def said(request: Obj) -> Obj:
    """The status: what is empty in it says nothing."""
    return {field: value for field, value in (request.get("status") or {}).items() if value}


def _check_conditions(status: Obj, found: Found) -> None:
    conditions = status.get("conditions") or []
    known = 0
    for index, condition in enumerate(conditions):
        # upstream's paths, dots and all
        path, kind = f"status.conditions.[{index}]", condition.get("type") or ""
        if kind not in TERMINAL:
            found.append(not_supported(f"{path}.type", kind, TERMINAL))
            continue
        known += 1
        if known > 1:
            why = 'There may be at most one condition with type "Issued", "Denied", or "Failed"'
            found.append(invalid(f"{path}.type", kind, why))
        if condition.get("status") != "True":
            found.append(not_supported(f"{path}.status", condition.get("status") or "", ("True",)))
    check_conditions(conditions, "status.conditions", found)


def _status_problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    _check_conditions(new.get("status") or {}, found)
    if found:
        return found
    status, before = said(new), said(old or {})
    decided = outcome(new)
    why = ""
    if outcome(old or {}):
        if status != before:
            why = "immutable after PodCertificateRequest is issued, denied, or failed"
    elif decided == "Issued":
        issuedchain.check(new, found)
    elif decided:
        if status.keys() - {"conditions"}:
            why = "non-condition status fields must be empty when denying or failing the PodCertificateRequest"
    elif status != before:
        why = 'status is immutable unless transitioning to "Issued", "Denied", or "Failed"'
    if why:
        found.append(wrong("status", why))
    return found


def _field(name: str) -> Any:
    return lambda request: (request.get("spec") or {}).get(name) or ""


PODCERTIFICATEREQUEST = Kind(
    group="certificates.k8s.io",
    version="v1",
    kind="PodCertificateRequest",
    plural="podcertificaterequests",
    singular="podcertificaterequest",
    fill_in=_fill_in,
    problems=_problems,
    status_problems=_status_problems,
    subresources=frozenset({"status"}),
    fields={f"spec.{name}": _field(name) for name in ("signerName", "podName", "nodeName")},
    conditional=True,
)
