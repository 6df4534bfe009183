"""libnftables by ctypes: one context, made once, runs each text as one transaction.

A new ``nft`` process (or context) costs about 15 ms a change; a kept context 0.1 ms. The context stays in the network
namespace in which it was made.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import threading


class NftFailed(Exception):
    """The kernel or the parser refused the text; nothing of it was done."""


class Nftables:
    """Blocking. Calls from several threads wait for one another: ``close``, too, for what a cancelled task still
    runs."""

    def __init__(self) -> None:
        name = ctypes.util.find_library("nftables") or "libnftables.so.1"
        try:
            library = ctypes.CDLL(name)
        except OSError as failure:
            raise NftFailed(f"libnftables is not installed: {failure}") from failure
        library.nft_ctx_new.restype = ctypes.c_void_p
        library.nft_ctx_new.argtypes = [ctypes.c_uint32]
        library.nft_ctx_get_error_buffer.restype = ctypes.c_char_p
        for function in ("nft_ctx_buffer_output", "nft_ctx_buffer_error", "nft_ctx_get_error_buffer", "nft_ctx_free"):
            getattr(library, function).argtypes = [ctypes.c_void_p]
        library.nft_run_cmd_from_buffer.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
        self._library = library
        self._turn = threading.Lock()
        self._context = library.nft_ctx_new(0)
        if not self._context:
            raise NftFailed("no nftables context (is the kernel without nf_tables?)")
        library.nft_ctx_buffer_output(self._context)
        library.nft_ctx_buffer_error(self._context)

    def run(self, text: str) -> None:
        """One transaction: all of it or nothing."""
        with self._turn:
            if not self._context:
                raise NftFailed("the nftables context is closed")
            if self._library.nft_run_cmd_from_buffer(self._context, text.encode()):
                error = self._library.nft_ctx_get_error_buffer(self._context) or b""
                raise NftFailed(error.decode(errors="replace").strip()[:2000] or "nft failed without a word")

    def close(self) -> None:
        with self._turn:
            if self._context:
                self._library.nft_ctx_free(self._context)
                self._context = None
