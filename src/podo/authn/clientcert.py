"""Authentication by client certificate: the subject's common name is the user, its organizations are the groups, an
attribute of Kubernetes' own the uid.

Source: "X509 client certificates" of the Kubernetes documentation; KEP-4193 (credential id).
"""

from __future__ import annotations

from hashlib import sha256

from podo.api.parts.x509 import common_name
from podo.authn.user import AUTHENTICATED, User

CREDENTIAL_ID = "authentication.kubernetes.io/credential-id"
_NOTE, _END = "authn.clientcert", "authn.clientcert.end"
_UID = "1.3.6.1.4.1.57683.2"


def user_of_certificate(der: bytes) -> User | None:
    """The user a verified certificate names (10 µs), or None if its subject has no common name or several uids."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID, ObjectIdentifier

    subject = x509.load_der_x509_certificate(der).subject
    name = common_name(subject)
    uids = subject.get_attributes_for_oid(ObjectIdentifier(_UID))
    if not name or len(uids) > 1:
        return None
    groups = [str(group.value) for group in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    extra = ((CREDENTIAL_ID, (f"X509SHA256={sha256(der).hexdigest()}",)),)
    return User(name, (*groups, AUTHENTICATED), str(uids[0].value) if uids else "", extra)


def end_of(certificate: bytes, notes: dict[str, object]) -> float:
    """Until when the certificate of a connection is good, which may stay open for longer: seconds since the epoch."""
    known = notes.get(_END)
    if isinstance(known, float):
        return known
    from cryptography import x509

    found = notes[_END] = x509.load_der_x509_certificate(certificate).not_valid_after_utc.timestamp()
    return found


def authenticate(certificate: bytes | None, notes: dict[str, object]) -> User | None:
    """The user of a connection. ``notes`` is the connection's own, so that its certificate is read once."""
    if certificate is None:
        return None
    known = notes.get(_NOTE)
    if isinstance(known, User):
        return known
    user = user_of_certificate(certificate)
    if user is not None:
        notes[_NOTE] = user
    return user
