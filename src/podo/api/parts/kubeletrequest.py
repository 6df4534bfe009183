"""What a kubelet's request for a certificate must look like: the same for who approves it and for who signs it.

Source: "Kubernetes signers" of the Kubernetes documentation, kube-apiserver-client-kubelet and kubelet-serving.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from podo.api.parts.systemnames import NODE_PREFIX, NODES

#: Without the last of them where the key is for signatures only.
_USAGES = ("digital signature", "key encipherment")


def client_problem(request: Any, usages: Collection[str]) -> str:
    """Why a PKCS#10 request is not one for a kubelet's client certificate; "" where it is."""
    if _organizations(request) != [NODES]:
        return "subject organization is not system:nodes"
    names = _alternatives(request)
    if names is None:
        return "the subjectAltNames cannot be read"
    if names:
        return f"{names[0]} subjectAltNames are not allowed"
    return _name_problem(request) or _usages_problem("client auth", usages)


def serving_problem(request: Any, usages: Collection[str]) -> str:
    """Why a PKCS#10 request is not one for a kubelet's serving certificate; "" where it is."""
    if _organizations(request) != [NODES]:
        return "subject organization is not system:nodes"
    names = _alternatives(request)
    if names is None:
        return "the subjectAltNames cannot be read"
    if not {"DNS", "IP"} & set(names):
        return "DNS or IP subjectAltName is required"
    for kind in ("Email", "URI"):
        if kind in names:
            return f"{kind} subjectAltNames are not allowed"
    return _usages_problem("server auth", usages) or _name_problem(request)


def common_name(request: Any) -> str:
    """Whom the certificate would name; "" of a subject with none or several names, which one must not guess among."""
    from cryptography.x509.oid import NameOID

    names = request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if len(names) == 1 else ""


def _name_problem(request: Any) -> str:
    return (
        "" if common_name(request).startswith(NODE_PREFIX) else "subject common name does not begin with system:node:"
    )


def _usages_problem(purpose: str, usages: Collection[str]) -> str:
    found = set(usages)
    if found in ({purpose, *_USAGES}, {purpose, _USAGES[0]}):
        return ""
    return f"usages did not match [{' '.join(sorted((purpose, *_USAGES)))}]"


def _organizations(request: Any) -> list[str]:
    from cryptography.x509.oid import NameOID

    return [str(one.value) for one in request.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]


def _alternatives(request: Any) -> list[str] | None:
    """The sorts of names that the certificate is for besides, in the order in which they are told; those that nobody
    issues are passed over. None where they cannot be read."""
    from cryptography import x509

    sorts = {
        "DNS": x509.DNSName,
        "Email": x509.RFC822Name,
        "IP": x509.IPAddress,
        "URI": x509.UniformResourceIdentifier,
    }
    try:
        found = list(request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return []
    except (ValueError, TypeError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return None
    return [name for name, sort in sorts.items() if any(isinstance(one, sort) for one in found)]
