from __future__ import annotations

from typing import Any

import pytest

from podo.node.runtimes.containerd_events import happened
from podo.node.runtimes.containerd_messages import message
from podo.node.runtimes.contract import Happened

EXIT = {
    "container_id": "c1",
    "id": "c1",
    "exit_status": 137,
    "exited_at": {"seconds": 1_700_000_000, "nanos": 250_000_000},
}


@pytest.mark.parametrize(
    ("topic", "kind", "fields", "expected"),
    [
        ("/tasks/exit", "TaskExit", EXIT, Happened("exited", "c1", 137, 1_700_000_000.25)),
        ("/tasks/exit", "TaskExit", {"container_id": "c1", "id": "c1"}, Happened("exited", "c1", 0, 0.0)),
        ("/tasks/exit", "TaskExit", {"container_id": "c1", "id": "an-exec"}, None),
        ("/tasks/oom", "TaskOOM", {"container_id": "c2"}, Happened("oom", "c2")),
        ("/tasks/start", "TaskStart", {"container_id": "c3"}, Happened("started", "c3")),
        ("/images/create", "TaskStart", {"container_id": "c3"}, None),
    ],
)
def test_envelopes(topic: str, kind: str, fields: dict[str, Any], expected: Happened | None) -> None:
    envelope = message("Envelope")(topic=topic, namespace="k8s.io")
    envelope.event.value = message(kind)(**fields).SerializeToString()
    assert happened(message("Envelope").FromString(envelope.SerializeToString())) == expected
