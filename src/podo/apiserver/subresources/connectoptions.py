"""What admission is shown of a connection: PodExecOptions and the like, read from the query as upstream reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs

from podo.api.kind import Obj
from podo.apiserver.admitting import admit_whole
from podo.apiserver.backend import Backend
from podo.apiserver.call import Call
from podo.apiserver.parameters import MAX_PARAMETERS

Query = Mapping[str, Sequence[str]]
#: The parameter's values to the field's value; None where the field is left out.
Read = Callable[[Sequence[str]], Any]


def _flag(values: Sequence[str]) -> Any:
    return values[0].lower() in ("1", "t", "true") or None


def _text(values: Sequence[str]) -> Any:
    return values[0] or None


def _numbers(values: Sequence[str]) -> Any:
    parts = [part for value in values for part in value.split(",")]
    return [int(part) for part in parts if part.isascii() and part.isdigit()] or None


_STREAMS: dict[str, Read] = {"stdin": _flag, "stdout": _flag, "stderr": _flag, "tty": _flag, "container": _text}
_FIELDS: dict[str, tuple[str, dict[str, Read]]] = {
    "exec": ("PodExecOptions", {**_STREAMS, "command": list}),
    "attach": ("PodAttachOptions", _STREAMS),
    "portforward": ("PodPortForwardOptions", {"ports": _numbers}),
}


async def admit_connection(backend: Backend, call: Call, query: str, rest: str) -> None:
    """Ask admission about the connection (operation CONNECT). Raises the refusal."""
    await admit_whole(backend, call, "CONNECT", options_of(call, query, rest), None)


def options_of(call: Call, query: str, rest: str) -> Obj:
    """``rest``: the path behind ``/proxy``."""
    if call.subresource == "proxy":
        options: Obj = {"kind": f"{call.kind.kind}ProxyOptions", "apiVersion": "v1"}
        return {**options, "path": rest} if rest else options
    kind, fields = _FIELDS[call.subresource]
    given: Query = parse_qs(query, keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
    found = {name: read(given[name]) for name, read in fields.items() if name in given}
    return {"kind": kind, "apiVersion": "v1", **{name: value for name, value in found.items() if value is not None}}
