"""The cluster's certificates: its CA, the front proxy's, and a P-256 leaf for each identity, made at the first
``podo up``.

Names follow Kubernetes' PKI requirements (kubernetes.io, "PKI certificates and requirements"): the user is the CN,
its groups are the O.
"""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from podo.api.parts.systemnames import MASTERS, NODE_PREFIX, NODES
from podo.cluster.config import Config
from podo.cluster.layout import write_atomically
from podo.runtime.clock import Clock

CA_DAYS = 3650
LEAF_DAYS = 365
#: Certificates are valid from a little before now, for clients whose clock is behind.
BACKDATED = datetime.timedelta(minutes=5)


#: The files of the two authorities below ``pki/``, and the names in their certificates. Whoever holds a certificate of
#: the front proxy's may speak for any user to extension API servers: it is no CA of users.
CA, FRONT_PROXY_CA = "ca", "front-proxy-ca"
_AUTHORITIES = {CA: "kubernetes", FRONT_PROXY_CA: "front-proxy-ca"}
#: The leaf that the API server shows to extension API servers.
FRONT_PROXY = "front-proxy-client"


@dataclass(frozen=True, slots=True)
class Identity:
    """One leaf certificate: ``file`` is its name below ``pki/``; ``names`` are DNS names or IP addresses it serves
    under; ``authority``: the file of who signs it."""

    file: str
    user: str
    groups: Sequence[str] = ()
    names: Sequence[str] = ()
    authority: str = CA


def identities(config: Config) -> list[Identity]:
    """Every identity that this cluster's processes and its administrator need."""
    domain = config.cluster_domain
    api_names = [
        *("kubernetes", "kubernetes.default", "kubernetes.default.svc", f"kubernetes.default.svc.{domain}"),
        *("localhost", "127.0.0.1", "::1", config.kubernetes_ip, config.node_ip),
    ]
    found = [
        Identity("apiserver", "kube-apiserver", names=list(dict.fromkeys(api_names))),
        # Of no group: a Node whose status names the API server's own address must not make it its own administrator.
        Identity("apiserver-kubelet-client", "kube-apiserver-kubelet-client"),
        Identity("admin", "kubernetes-admin", [MASTERS]),
        Identity(FRONT_PROXY, FRONT_PROXY, authority=FRONT_PROXY_CA),
    ]
    if config.runtime == "containerd":
        for name in config.node_names:
            found.append(Identity(f"kube-proxy-{name}", "system:kube-proxy"))
            serving = [name, config.node_address(name), "127.0.0.1"]
            found.append(Identity(f"kubelet-{name}", f"{NODE_PREFIX}{name}", [NODES], serving))
    return found


#: The key that signs service-account tokens, below ``pki/``.
TOKEN_KEY = "sa.key"


def ensure(config: Config, clock: Clock) -> None:
    """Make what is missing below ``pki/``. What is there stays: a restart changes no identity."""
    directory = config.layout.pki
    if not (directory / TOKEN_KEY).exists():
        _make_token_key(directory)
    missing = [i for i in identities(config) if not (directory / f"{i.file}.crt").exists()]
    now = datetime.datetime.fromtimestamp(clock.now(), datetime.UTC)
    for file in _AUTHORITIES:
        wanted = [identity for identity in missing if identity.authority == file]
        if wanted or not (directory / f"{file}.crt").exists():
            authority = _Authority(directory, file, now)
            for identity in wanted:
                authority.issue(identity)


def issue(config: Config, clock: Clock, wanted: Iterable[Identity]) -> None:
    """New keys and certificates for these identities, whatever is there."""
    now = datetime.datetime.fromtimestamp(clock.now(), datetime.UTC)
    chosen = list(wanted)
    for file in {identity.authority for identity in chosen}:
        authority = _Authority(config.layout.pki, file, now)
        for identity in chosen:
            if identity.authority == file:
                authority.issue(identity)


def make_authority(config: Config, clock: Clock, file: str) -> None:
    """A CA in ``file`` beside the one that there is, of the same name."""
    _Authority(config.layout.pki, file, datetime.datetime.fromtimestamp(clock.now(), datetime.UTC))


def _make_token_key(directory: Path) -> None:
    """P-256: tokens are signed with ES256."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    write_atomically(directory / "sa.pub", public, 0o644)
    write_atomically(directory / TOKEN_KEY, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


class _Authority:
    """A CA of the cluster, read from or made in ``directory``. ``cryptography`` is imported here only: 50 ms."""

    def __init__(self, directory: Path, file: str, now: datetime.datetime) -> None:
        self._directory = directory
        self._file = file
        self._now = now
        if not (directory / f"{file}.key").exists():
            self._make()
        self._load()

    def _make(self) -> None:
        from cryptography import x509
        from cryptography.hazmat.primitives.asymmetric import ec

        key = ec.generate_private_key(ec.SECP256R1())
        name = _name(_AUTHORITIES.get(self._file, _AUTHORITIES[CA]), ())
        builder = self._builder(name, name, key.public_key(), CA_DAYS)
        depth = 0 if self._file == FRONT_PROXY_CA else None  # no authority below one that makes no users
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=depth), critical=True)
        builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        self._write(self._file, key, builder.add_extension(identifier, critical=False), key)

    def _load(self) -> None:
        from cryptography import x509
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        self._key = load_pem_private_key((self._directory / f"{self._file}.key").read_bytes(), None)
        self._certificate = x509.load_pem_x509_certificate((self._directory / f"{self._file}.crt").read_bytes())

    def issue(self, identity: Identity) -> None:
        from cryptography import x509
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import ExtendedKeyUsageOID

        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(identity.user, identity.groups)
        builder = self._builder(subject, self._certificate.subject, key.public_key(), LEAF_DAYS)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
        purposes = [ExtendedKeyUsageOID.CLIENT_AUTH]
        if identity.names:
            purposes.append(ExtendedKeyUsageOID.SERVER_AUTH)
            alternatives = x509.SubjectAlternativeName([_alternative(name) for name in identity.names])
            builder = builder.add_extension(alternatives, critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        authority_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())  # type: ignore[arg-type]
        self._write(identity.file, key, builder.add_extension(authority_id, critical=False), self._key)

    def _builder(self, subject, issuer, public_key, days: int):  # type: ignore[no-untyped-def]
        from cryptography import x509

        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - BACKDATED)
            .not_valid_after(self._now + datetime.timedelta(days=days))
        )

    def _write(self, file: str, key, builder, signer) -> None:  # type: ignore[no-untyped-def]
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        certificate = builder.sign(signer, hashes.SHA256())
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        write_atomically(
            self._directory / f"{file}.key", secret
        )  # the key first: a certificate without its key is of no use
        write_atomically(self._directory / f"{file}.crt", certificate.public_bytes(Encoding.PEM), 0o644)


def _name(user: str, groups: Sequence[str]):  # type: ignore[no-untyped-def]
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    organizations = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    return x509.Name([*organizations, x509.NameAttribute(NameOID.COMMON_NAME, user)])


def _usage(*, signs_certificates: bool):  # type: ignore[no-untyped-def]
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=True,
        key_encipherment=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _alternative(name: str):  # type: ignore[no-untyped-def]
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
