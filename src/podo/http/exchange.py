"""Requests of a client and their answers, whatever carries them: connections, or a call within the process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Protocol


class NoAnswer(Exception):
    """The server could not be reached, did not answer in time, or broke off: whether it acted is not known."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]  # lower-case names
    body: bytes


class Stream(Protocol):
    """An answer that is read as it comes."""

    status: int
    headers: Mapping[str, str]

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def read(self, limit: int) -> bytes: ...

    def close(self) -> None: ...


class Pool(Protocol):
    """What carries requests to one server: ``podo.http.client.HttpPool``, or what is like it."""

    async def request(
        self,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        seconds: float = 30.0,
    ) -> Answer: ...

    async def stream(
        self, method: str, target: str, *, headers: Mapping[str, str] | None = None, head_seconds: float = 30.0
    ) -> Stream: ...

    def close(self) -> None: ...
