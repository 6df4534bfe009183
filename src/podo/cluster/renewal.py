"""Certificates are renewed long before they end: by the running server, a third of their life ahead, or by
``podo certs renew``.

Keys are made anew. The user's kubeconfig has the administrator's certificate in it: the one there holds until its own
end, and ``podo up`` or ``podo kubeconfig --merge`` writes the new one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from podo.cluster import certificates, kubeconfig
from podo.cluster.certificates import CA, FRONT_PROXY_CA, Identity
from podo.cluster.config import Config
from podo.cluster.layout import write_atomically
from podo.runtime.clock import Clock
from podo.runtime.log import Logger
from podo.runtime.tasks import Tasks, sleep

log = Logger("podo.certificates")
#: A leaf is renewed when less than this part of its life is left.
LEFT = 1 / 3
CHECK_SECONDS = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class Dated:
    """A certificate below ``pki/``: what it is, who signed it, and its life in seconds since the epoch."""

    file: str
    user: str
    authority: str
    begins: float
    ends: float

    def is_due(self, now: float) -> bool:
        return self.ends - now < (self.ends - self.begins) * LEFT


def found(config: Config) -> Iterator[Dated]:
    """Every certificate of the cluster that is there, the authorities first."""
    for file in (CA, FRONT_PROXY_CA):
        if (one := _read(config, file)) is not None:
            yield one
    for identity in certificates.identities(config):
        if (one := _read(config, identity.file)) is not None:
            yield one


def _read(config: Config, file: str) -> Dated | None:
    from cryptography import x509

    path = config.layout.pki / f"{file}.crt"
    if not path.exists():
        return None
    read = x509.load_pem_x509_certificate(path.read_bytes())
    ends, begins = read.not_valid_after_utc.timestamp(), read.not_valid_before_utc.timestamp()
    return Dated(file, _common_name(read.subject), _common_name(read.issuer), begins, ends)


def _common_name(name: Any) -> str:
    from cryptography.x509.oid import NameOID

    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else ""


def due(config: Config, now: float) -> list[Identity]:
    """The leaves whose end is near."""
    near = {one.file for one in found(config) if one.is_due(now)}
    return [identity for identity in certificates.identities(config) if identity.file in near]


def renew(config: Config, clock: Clock, wanted: Iterable[Identity]) -> list[str]:
    """New keys and certificates for these identities; their files."""
    chosen = list(wanted)
    certificates.issue(config, clock, chosen)
    if any(identity.file == "admin" for identity in chosen):
        write_atomically(config.layout.kubeconfig, kubeconfig.render(config))
    return [identity.file for identity in chosen]


class Renewing:
    """In the server's process: looks now and then, and renews what is due."""

    def __init__(self, config: Config, clock: Clock) -> None:
        self._config, self._clock = config, clock
        self._tasks = Tasks("renewal")

    def start(self) -> None:
        self._tasks.spawn(self._run(), "renew")

    async def stop(self) -> None:
        await self._tasks.stop()

    async def _run(self) -> None:
        while True:
            await sleep(CHECK_SECONDS)
            await asyncio.to_thread(self.look)

    def look(self) -> list[str]:
        """Renew what is due now; the files. A disk that is full is no reason to end."""
        try:
            wanted = due(self._config, self._clock.now())
            files = renew(self._config, self._clock, wanted) if wanted else []
        except (OSError, ValueError) as failure:
            log.error("certificates cannot be renewed", failure)
            return []
        if files:
            log.info("certificates renewed", files=", ".join(files))
        return files
