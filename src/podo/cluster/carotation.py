"""Another CA for a cluster that goes on running, in three steps, so that nobody ever meets a certificate of a CA that
they do not know yet:

1. ``begin``: a new CA is made, and everybody is told of it beside the old one, which still signs. Give pods two minutes
   to get the new ``kube-root-ca.crt``, and users a new kubeconfig (``podo kubeconfig --merge``).
2. ``switch``: the new CA signs; all certificates of the cluster are issued anew. Certificates of the old one (of users,
   by CertificateSigningRequests) are believed still: this is the time to issue them anew.
3. ``finish``: the old CA is forgotten.

After each step server and nodes are started again, which leaves containers alone. Every step can be repeated. The keys
that sign service-account tokens and the front proxy's CA are others and stay.
"""

from __future__ import annotations

import os
from pathlib import Path

from podo.cluster import certificates, kubeconfig
from podo.cluster.certificates import CA
from podo.cluster.config import Config
from podo.cluster.layout import write_atomically
from podo.cluster.renewal import renew
from podo.runtime.clock import Clock

_NEXT = "ca-next"


class OutOfOrder(ValueError):
    """The step is not the next one; the message says which is."""


def stage(config: Config) -> str:
    """What has been done: "" for nothing, "begin" or "switch"."""
    if (config.layout.pki / f"{_NEXT}.key").exists():
        return "begin"
    return "switch" if len(_certificates(config.layout.pki / f"{CA}.crt")) > 1 else ""


def begin(config: Config, clock: Clock) -> None:
    """Make the next CA, and tell of it beside the one that signs. Raises OutOfOrder."""
    if stage(config) == "switch":
        raise OutOfOrder("the last rotation has not been finished: podo certs rotate-ca finish")
    pki = config.layout.pki
    if stage(config) == "":
        certificates.make_authority(config, clock, _NEXT)
    old, new = _certificates(pki / f"{CA}.crt")[0], _certificates(pki / f"{_NEXT}.crt")[0]
    if old == new:
        raise OutOfOrder("the switch to the next CA was broken off: podo certs rotate-ca switch")
    write_atomically(pki / f"{CA}.crt", old + new, 0o644)
    _tell(config)


def switch(config: Config, clock: Clock) -> None:
    """Let the next CA sign, and issue everything anew. Raises OutOfOrder."""
    pki, now = config.layout.pki, stage(config)
    if now == "":
        raise OutOfOrder("there is no next CA: podo certs rotate-ca begin")
    if now == "begin":
        old, new = _certificates(pki / f"{CA}.crt")[0], _certificates(pki / f"{_NEXT}.crt")[0]
        if old != new:  # else this step was broken off after the next line
            write_atomically(pki / f"{CA}.crt", new + old, 0o644)
        os.replace(pki / f"{_NEXT}.key", pki / f"{CA}.key")
        os.remove(pki / f"{_NEXT}.crt")
    renew(config, clock, [one for one in certificates.identities(config) if one.authority == CA])


def finish(config: Config) -> None:
    """Forget the CA before. Raises OutOfOrder."""
    if stage(config) != "switch":
        raise OutOfOrder("the next CA does not sign yet: podo certs rotate-ca begin, then switch")
    path = config.layout.pki / f"{CA}.crt"
    write_atomically(path, _certificates(path)[0], 0o644)
    _tell(config)


def _tell(config: Config) -> None:
    write_atomically(config.layout.kubeconfig, kubeconfig.render(config))


def _certificates(path: Path) -> list[bytes]:
    """Each certificate of a file, in PEM."""
    end = b"-----END CERTIFICATE-----\n"
    return [piece + end for piece in path.read_bytes().split(end) if piece.strip()]
