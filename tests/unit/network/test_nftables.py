"""The nftables context: it is not freed under a thread that still runs something in it, and is of no use after that."""

from __future__ import annotations

import ctypes
import threading
from types import SimpleNamespace

import pytest

from podo.network.services.nftables import Nftables, NftFailed

SECONDS = 60


class Library:
    """libnftables' functions; a run takes until ``let_go``."""

    def __init__(self) -> None:
        self.began, self.let_go = threading.Event(), threading.Event()
        self.happened: list[str] = []

    def functions(self) -> SimpleNamespace:
        def run(context: int, text: bytes) -> int:
            self.began.set()
            self.let_go.wait(SECONDS)
            self.happened.append("ran")
            return 0

        return SimpleNamespace(
            nft_ctx_new=lambda flags: 1,
            nft_ctx_buffer_output=lambda context: None,
            nft_ctx_buffer_error=lambda context: None,
            nft_ctx_get_error_buffer=lambda context: b"",
            nft_ctx_free=lambda context: self.happened.append("freed"),
            nft_run_cmd_from_buffer=run,
        )


def test_close_waits_for_what_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cancelled task leaves its thread behind."""
    library = Library()
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library.functions())
    nft = Nftables()
    running = threading.Thread(target=nft.run, args=("list tables",))
    running.start()
    assert library.began.wait(SECONDS)
    closing = threading.Thread(target=nft.close)
    closing.start()
    closing.join(0.1)
    library.let_go.set()
    for thread in (running, closing):
        thread.join(SECONDS)
    assert library.happened == ["ran", "freed"]
    with pytest.raises(NftFailed, match="closed"):
        nft.run("list tables")
