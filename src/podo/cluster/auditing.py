"""The cluster's audit log: ``logs/audit.log``, by ``audit-policy.yaml`` of the data directory where there is one, else
by the default policy; and to the server that ``audit-webhook.kubeconfig`` names."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from podo.apiserver.app import ApiServer
from podo.apiserver.audit.auditor import Auditor
from podo.apiserver.audit.journal import Journal, Rotating, Take
from podo.apiserver.audit.policy import DEFAULT, Policy, parse
from podo.client import kubeconfig
from podo.cluster.config import Config
from podo.runtime.chance import Chance
from podo.runtime.clock import Clock

if TYPE_CHECKING:
    from podo.apiserver.audit.webhook import Webhook


def policy_path(config: Config) -> Path:
    return Path(config.data_dir) / "audit-policy.yaml"


def webhook_path(config: Config) -> Path:
    return Path(config.data_dir) / "audit-webhook.kubeconfig"


def policy_of(config: Config) -> Policy:
    """Raises PolicyProblem, which names the file."""
    path = policy_path(config)
    return parse(path.read_bytes(), str(path)) if path.exists() else DEFAULT


class Auditing:
    """The audit log of one server. ``start`` raises PolicyProblem or ValueError for files that cannot be used."""

    def __init__(self, config: Config, api: ApiServer, clock: Clock, chance: Chance) -> None:
        self._config, self._api, self._clock, self._chance = config, api, clock, chance
        self._journal: Journal | None = None
        self._webhook: Webhook | None = None

    def start(self) -> None:
        path = webhook_path(self._config)
        file = Rotating(self._config.layout.logs / "audit.log")
        file(())  # there from the start, for whoever looks for it or follows it
        take: list[Take] = [file]
        if path.exists():
            from podo.apiserver.audit.webhook import Webhook  # slow to import, and seldom wanted

            self._webhook = Webhook(kubeconfig.read(path))
            self._webhook.start()
            take.append(self._webhook)
        self._journal = Journal(take)
        auditor = Auditor(policy_of(self._config), self._journal, self._clock, self._chance)
        self._journal.start()
        self._api.audit(auditor)

    async def stop(self) -> None:
        """Write what waits."""
        for part in (self._journal, self._webhook):
            if part is not None:
                await asyncio.to_thread(part.stop)
