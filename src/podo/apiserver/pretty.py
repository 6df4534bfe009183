"""Answers for people: indented JSON for those who ask for it (``?pretty=true``), and for browsers, curl and wget.

Source: the parameter ``pretty`` of the Kubernetes API reference.
"""

from __future__ import annotations

import orjson

from podo.apiserver.parameters import is_true
from podo.http.body import parts_of, size_of
from podo.http.message import Request, Response

#: Programs behind which people sit, by the beginning of their names.
_PEOPLES = ("curl", "Wget", "Mozilla/5.0")
#: Longer answers are read by nobody, and would hold the loop.
_MOST = 1 << 20
#: Documents for programs, and what is compressed.
_AS_IT_IS = frozenset({"etag", "content-encoding"})


def is_wanted(request: Request) -> bool:
    query = request.query
    if query and "pretty" in query:
        for pair in query.split("&"):
            name, _, value = pair.partition("=")
            if name == "pretty" and value:
                return is_true(value)
    return request.headers.get("user-agent", "").startswith(_PEOPLES)


def indented(answer: Response) -> Response:
    """``answer`` with its body indented, if it is JSON and not too long."""
    if answer.content_type != "application/json" or not 0 < size_of(answer.body) <= _MOST:
        return answer
    if any(name.lower() in _AS_IT_IS for name, _ in answer.headers):
        return answer
    obj = orjson.loads(b"".join(parts_of(answer.body)))
    body = orjson.dumps(obj, option=orjson.OPT_INDENT_2) + b"\n"
    return Response(answer.status, body, answer.content_type, answer.headers)
