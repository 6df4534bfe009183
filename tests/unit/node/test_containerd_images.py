"""Images as volumes: the name of an image's layers together, and messages as containerd reads them."""

from __future__ import annotations

import hashlib

import pytest

from podo.node.runtimes.containerd_images import chain_of
from podo.node.runtimes.containerd_messages import message
from podo.node.runtimes.contract import RuntimeFailure


def test_layers_together_have_a_name_of_their_own() -> None:
    one, two, three = (f"sha256:{digit * 64}" for digit in "123")
    assert chain_of([one]) == one
    both = f"sha256:{hashlib.sha256(f'{one} {two}'.encode()).hexdigest()}"
    assert chain_of([one, two]) == both
    assert chain_of([one, two, three]) == f"sha256:{hashlib.sha256(f'{both} {three}'.encode()).hexdigest()}"
    with pytest.raises(RuntimeFailure, match="no layers"):
        chain_of([])


def test_messages_are_the_bytes_that_containerd_expects() -> None:
    request = message("ViewSnapshotRequest")(snapshotter="o", key="k", parent="p", labels={"a": "b"})
    assert request.SerializeToString() == b"\x0a\x01o\x12\x01k\x1a\x01p\x22\x06\x0a\x01a\x12\x01b"
    mount = b"\x0a\x07overlay\x12\x07overlay\x22\x02ro\x22\x0blowerdir=/a"
    answer = message("MountsResponse").FromString(b"\x0a" + bytes([len(mount)]) + mount)
    assert [(found.type, list(found.options)) for found in answer.mounts] == [("overlay", ["ro", "lowerdir=/a"])]
    listed = message("ListSnapshotsResponse").FromString(b"\x0a\x0b\x0a\x01n\x32\x06\x0a\x01a\x12\x01b")
    assert [(info.name, dict(info.labels)) for info in listed.info] == [("n", {"a": "b"})]
