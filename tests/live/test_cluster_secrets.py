"""What a cluster keeps secret on its disk, and what it notes of who asked for it, with the real command and kubectl."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from tests.live.podo import Cluster, cluster
from tests.live.waiting import eventually

pytestmark = pytest.mark.live

VALUE = "streng-geheim-4711"


def test_secrets_are_unreadable_on_disk_and_asked_for_on_record() -> None:
    with cluster("secrets", "simulated", "--store", "sqlite") as made:
        made.kubectl("create", "secret", "generic", "s", f"--from-literal=key={VALUE}")
        made.kubectl("create", "configmap", "c", "--from-literal=key=quite-open-4711")
        refused = made.kubectl.run("get", "secret", "s", "--as", "jane")
        assert refused.code != 0 and "Forbidden" in refused.err
        assert _readable(made) == {"configmap"}
        ended = made.podo("secrets reencrypt", "--new-key")
        assert ended.code == 0, str(ended)
        assert b"k8s:enc:aesgcm:v1:key-2:" in _database(made)
        assert _readable(made) == {"configmap"}
        made.podo("down")
        made.up()
        found = made.kubectl.path("{.data.key}", "secret", "s")
        assert base64.b64decode(found).decode() == VALUE
        log = made.data_dir / "logs" / "audit.log"
        assert log.stat().st_mode & 0o777 == 0o600
        (event,) = eventually(lambda: _refusals(log), "the refusal in the audit log")
        assert event["impersonatedUser"]["username"] == "jane" and event["objectRef"]["name"] == "s"
        assert VALUE not in log.read_text()


def _database(made: Cluster) -> bytes:
    return b"".join(path.read_bytes() for path in made.data_dir.glob("store.db*"))


def _readable(made: Cluster) -> set[str]:
    """Which of the two can be read off the disk, plain or in base64."""
    data = _database(made)
    secret = any(form in data for form in (VALUE.encode(), base64.b64encode(VALUE.encode())))
    found = {"secret": secret, "configmap": b"quite-open-4711" in data}
    return {name for name, is_there in found.items() if is_there}


def _refusals(log: Path) -> list[dict[str, Any]]:
    whole, _, _ = log.read_text().rpartition("\n")  # the last line may be being written
    events = [json.loads(line) for line in whole.splitlines()]
    return [event for event in events if event["responseStatus"]["code"] == 403 and "jane" in json.dumps(event)]
