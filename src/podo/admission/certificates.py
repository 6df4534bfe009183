"""CertificateApproval, CertificateSigning and CertificateSubjectRestriction: who may approve and sign for a signer, and
whom no certificate is asked for; and who asked, noted in every new request.

Source: "Certificates and Certificate Signing Requests" of the Kubernetes documentation.
"""

from __future__ import annotations

import base64
from typing import NamedTuple

from podo.admission.request import AdmissionRequest, Plugin
from podo.api.errors import forbidden
from podo.api.kind import Kind, Obj
from podo.api.parts import x509
from podo.api.parts.systemnames import MASTERS

GROUP = "certificates.k8s.io"
CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client"


def is_request(kind: Kind) -> bool:
    return kind.group == GROUP and kind.plural == "certificatesigningrequests"


def _creates(kind: Kind, operation: str, subresource: str) -> bool:
    return is_request(kind) and operation == "CREATE" and not subresource


def may_for_signer(request: AdmissionRequest, verb: str, signer: str) -> bool:
    """May the user do this for the signer, or for all of its domain?"""
    names = (signer, signer.partition("/")[0] + "/*")
    return any(request.may(verb, GROUP, "signers", name) for name in names)


async def note_requestor(request: AdmissionRequest) -> None:
    """What the client says of itself does not count."""
    spec = (request.object or {}).get("spec")
    if not isinstance(spec, dict):
        return
    spec["username"], spec["groups"] = request.user, list(request.groups)
    for field, value in (("uid", request.uid), ("extra", dict(request.extra))):
        spec.pop(field, None)
        if value:
            spec[field] = value


async def restrict_subject(request: AdmissionRequest) -> None:
    spec = (request.object or {}).get("spec") or {}
    if spec.get("signerName") != CLIENT_SIGNER:
        return
    subject = subject_of(spec.get("request") or "")
    if subject is not None and MASTERS in subject.organizations:
        why = f"use of {CLIENT_SIGNER} signer with system:masters group is not allowed"
        raise forbidden(request.kind, request.name, why)


class Subject(NamedTuple):
    """Whom a request asks a certificate for."""

    common_name: str
    organizations: tuple[str, ...]


def subject_of(encoded: str) -> Subject | None:
    """Of a PEM request in base64; None for what is no request: the kind's rules refuse that."""
    from cryptography.x509.oid import NameOID

    try:
        subject = x509.pem_request(base64.b64decode(encoded)).subject
    except (ValueError, TypeError, AttributeError):
        return None
    organizations = subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return Subject(x509.common_name(subject), tuple(str(name.value) for name in organizations))


async def approve(request: AdmissionRequest) -> None:
    signer = ((request.old or {}).get("spec") or {}).get("signerName") or ""
    if not may_for_signer(request, "approve", signer):
        raise forbidden(
            request.kind, request.name, f'user not permitted to approve requests with signerName "{signer}"'
        )


async def sign(request: AdmissionRequest) -> None:
    old, new = request.old or {}, request.object or {}
    if _issued(old) == _issued(new):
        return
    signer = (old.get("spec") or {}).get("signerName") or ""
    if not may_for_signer(request, "sign", signer):
        raise forbidden(request.kind, request.name, f'user not permitted to sign requests with signerName "{signer}"')


def _issued(request: Obj) -> tuple[object, object]:
    status = request.get("status") or {}
    failed = [one for one in status.get("conditions") or () if one.get("type") == "Failed"]
    return status.get("certificate"), failed


REQUESTOR = Plugin("CertificateRequestor", _creates, note_requestor)
SUBJECT = Plugin("CertificateSubjectRestriction", _creates, restrict_subject)
APPROVAL = Plugin(
    "CertificateApproval",
    lambda kind, operation, subresource: is_request(kind) and operation == "UPDATE" and subresource == "approval",
    approve,
)
SIGNING = Plugin(
    "CertificateSigning",
    lambda kind, operation, subresource: is_request(kind) and operation == "UPDATE" and subresource == "status",
    sign,
)
PLUGINS = (REQUESTOR, SUBJECT, APPROVAL, SIGNING)
