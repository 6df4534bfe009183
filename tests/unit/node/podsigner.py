"""A small signer of pod certificates: what a cluster's own would be, since Kubernetes has none of its own."""

from __future__ import annotations

import base64
import datetime
from collections.abc import Sequence
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from podo.values import timestamp

Obj = dict[str, Any]
NAME = "example.com/pods"


def _named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Signer:
    """Signs with a CA of its own. ``issue`` gives the status of an issued request."""

    def __init__(self, name: str = "ca") -> None:
        self._key = ed25519.Ed25519PrivateKey.generate()
        self._name = _named(name)
        now = datetime.datetime.now(datetime.UTC)
        builder = self._builder(self._name, self._key.public_key(), now, now + datetime.timedelta(days=1))
        authority = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.ca = authority.sign(self._key, None).public_bytes(Encoding.PEM).decode()

    def _builder(self, subject: x509.Name, key: Any, first: Any, last: Any) -> x509.CertificateBuilder:
        serial = x509.random_serial_number()
        return x509.CertificateBuilder(self._name, subject, key, serial, first, last)

    def issue(
        self,
        spec: Obj,
        *,
        hours: float = 1,
        renew_after: float = 600,
        key: Any = None,
        ago: float = 0,
        names: Sequence[x509.GeneralName] = (),
    ) -> Obj:
        """``ago``: so many seconds before now the certificate begins."""
        request = x509.load_der_x509_csr(base64.b64decode(spec["stubPKCS10Request"]))
        first = datetime.datetime.now(datetime.UTC).replace(microsecond=0) - datetime.timedelta(seconds=ago)
        last = first + datetime.timedelta(hours=hours)
        builder = self._builder(_named(spec["podName"]), key or request.public_key(), first, last)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        leaf = builder.sign(self._key, None)
        begins = first.timestamp()
        return {
            "conditions": [condition("Issued", begins)],
            "certificateChain": leaf.public_bytes(Encoding.PEM).decode() + self.ca,
            "notBefore": timestamp.time(begins),
            "beginRefreshAt": timestamp.time(begins + renew_after),
            "notAfter": timestamp.time(last.timestamp()),
        }


def condition(kind: str, now: float, reason: str = "Tested", message: str = "") -> Obj:
    when = timestamp.time(now)
    return {"type": kind, "status": "True", "reason": reason, "message": message, "lastTransitionTime": when}
