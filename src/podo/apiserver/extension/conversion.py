"""Conversion."""

from __future__ import annotations

from podo.api.kind import Kind, Obj
from podo.apiserver.backend import Backend


def converted_backend(backend: Backend, definition: Obj, kind: Kind) -> Backend:
    return backend
