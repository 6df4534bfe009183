"""What a request to the kubelet's port asks for, read from its query: of logs, of streams, of ports. Pure.

Raises BadRequest for what it cannot mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from podo.api.errors import bad_request
from podo.node.logs import LogOptions, wall_seconds

Query = Mapping[str, Sequence[str]]


def log_options(query: Query, now: float) -> LogOptions:
    """``PodLogOptions`` of a query; ``now`` is wall seconds, for sinceSeconds."""
    since = None
    if (seconds := _whole(query, "sinceSeconds")) is not None:
        since = now - seconds
    elif text := _one(query, "sinceTime"):
        since = wall_seconds(text)
        if since is None:
            raise bad_request(f"sinceTime is not an RFC 3339 time: {text!r}")
    stream = _one(query, "stream") or "All"
    if stream not in ("All", "Stdout", "Stderr"):
        raise bad_request(f"stream must be All, Stdout or Stderr, not {stream!r}")
    return LogOptions(
        follow=flag(query, "follow"),
        tail_lines=_whole(query, "tailLines"),
        since=since,
        timestamps=flag(query, "timestamps"),
        limit_bytes=_whole(query, "limitBytes"),
        stream=stream,
    )


def streams(query: Query) -> dict[str, bool]:
    asked = {
        "stdin": flag(query, "input") or flag(query, "stdin"),
        "stdout": flag(query, "output") or flag(query, "stdout"),
        "stderr": flag(query, "error") or flag(query, "stderr"),
        "tty": flag(query, "tty"),
    }
    if asked["tty"]:
        asked["stderr"] = False  # a terminal has one output
    if not (asked["stdin"] or asked["stdout"] or asked["stderr"]):
        raise bad_request("you must specify at least 1 of stdin, stdout, stderr")
    return asked


def ports_of(query: Query) -> list[int]:
    texts = [part for field in ("port", "ports") for text in query.get(field, ()) for part in text.split(",") if part]
    if not all(text.isdigit() and 0 < int(text) < 65536 for text in texts):
        raise bad_request(f"not a port: {','.join(texts)}")
    return [int(text) for text in texts]


def _one(query: Query, name: str) -> str:
    return next(iter(query.get(name, ())), "")


def flag(query: Query, name: str) -> bool:
    return _one(query, name).lower() in ("1", "t", "true")


def _whole(query: Query, name: str) -> int | None:
    text = _one(query, name)
    if not text:
        return None
    if not text.isdigit():
        raise bad_request(f"{name} must be a whole number, not {text!r}")
    return int(text)
