"""Requests for resources: what each HTTP method does on a collection, an object or a subresource."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from podo.api.encoding import JSON, MAX_BODY, YAML, decode, decode_value, media_type
from podo.api.errors import ApiError, bad_request
from podo.api.kind import Obj
from podo.apiserver import answers, operations, parameters, patching, protobuf, protobuf_writing, versions
from podo.apiserver.backend import Backend
from podo.apiserver.call import Call, Written
from podo.apiserver.fieldmanagement import managers
from podo.apiserver.negotiate import Form, resource_form
from podo.apiserver.parameters import Query
from podo.apiserver.route import Route
from podo.apiserver.scopes import SCOPES
from podo.apiserver.subresources import proxy
from podo.apiserver.subresources.scale import get_scale
from podo.apiserver.verbs.delete import delete, parse_options
from podo.apiserver.verbs.deletecollection import delete_collection
from podo.apiserver.verbs.get import get
from podo.apiserver.verbs.list import list_objects
from podo.http.message import Request, Response, TooLarge

_ON_COLLECTION = {"GET": "list", "HEAD": "list", "POST": "create", "DELETE": "deletecollection"}
_ON_OBJECT = {"GET": "get", "HEAD": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_ON_SUBRESOURCE = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch"}


@dataclass(slots=True)
class Exchange:
    """One request on its way: what was asked, and the form of the answer."""

    request: Request
    call: Call
    query: Query
    form: Form

    @property
    def include(self) -> str:
        return self.query.get("includeObject", "")


def verb_of(method: str, route: Route, query: Query) -> str:
    """The API's verb of a request. Raises MethodNotAllowed."""
    if route.subresource == "proxy" and method in proxy.METHODS:
        return proxy.VERBS.get(method, "")
    if route.watched:
        if method != "GET":
            raise operations.not_allowed()
        return "watch"
    if route.subresource:
        table = _ON_SUBRESOURCE
    else:
        table = _ON_OBJECT if route.name else _ON_COLLECTION
    verb = table.get(method)
    if verb is None:
        raise operations.not_allowed()
    if verb in ("list", "get") and not route.subresource and parameters.is_true(query.get("watch")):
        return "watch"
    return verb


async def read_body(exchange: Exchange, limit: int) -> bytes:
    try:
        data = await exchange.request.body(limit)
    except TooLarge:
        raise ApiError("RequestEntityTooLarge", f"Request entity too large: limit is {limit}") from None
    if exchange.call.keeps_body:
        exchange.call.sent = data
    return data


async def read_object(exchange: Exchange, limit: int = MAX_BODY) -> Obj:
    """The body of a write. Raises BadRequest, UnsupportedMediaType, RequestEntityTooLarge."""
    data = await read_body(exchange, limit)
    call = exchange.call
    wanted = call.field_validation != "Ignore"
    content_type = exchange.request.headers.get("content-type", "")
    if content_type == protobuf.MEDIA_TYPE:
        return protobuf.decode(data)
    decoded = decode(data, content_type, want_duplicates=wanted, limit=limit)
    call.duplicates = tuple(decoded.duplicates)
    found = decoded.obj.get("metadata")
    if found is not None and not isinstance(found, dict):
        raise bad_request("metadata must be an object")
    return decoded.obj


async def answer(backend: Backend, exchange: Exchange) -> Response:
    """Carry a request out that is neither a watch nor a connection."""
    return await _ANSWERS[exchange.call.verb](backend, exchange)


def _written(backend: Backend, exchange: Exchange, written: Written) -> Response:
    return answers.object_answer(exchange.call, written, exchange.form, exchange.include, backend.clock.now())


async def _get(backend: Backend, exchange: Exchange) -> Response:
    call = exchange.call
    if call.subresource == "scale":
        return _written(backend, exchange, await get_scale(backend, call))
    if call.subresource and call.subresource not in SCOPES:
        raise operations.not_allowed()
    if asked := versions.parse_revision(exchange.query.get("resourceVersion", "")):
        versions.check_reached(asked, backend.store.revision)
    record = await get(backend, call)
    return answers.record_answer(call, record, exchange.form, exchange.include, backend.clock.now())


async def _list(backend: Backend, exchange: Exchange) -> Response:
    call = exchange.call
    listing = await list_objects(backend, call, parameters.list_options(exchange.query))
    return answers.list_answer(call, listing, exchange.form, exchange.include, backend.clock.now())


async def _create(backend: Backend, exchange: Exchange) -> Response:
    parameters.read_write_options(exchange.call, exchange.query)
    obj = await read_object(exchange, backend.config.body_limit)
    return _written(backend, exchange, await operations.create(backend, exchange.call, obj))


async def _update(backend: Backend, exchange: Exchange) -> Response:
    parameters.read_write_options(exchange.call, exchange.query)
    obj = await read_object(exchange, backend.config.body_limit)
    return _written(backend, exchange, await operations.update(backend, exchange.call, obj))


async def _patch(backend: Backend, exchange: Exchange) -> Response:
    call = exchange.call
    parameters.read_write_options(call, exchange.query)
    form = patching.form_of(media_type(exchange.request.headers.get("content-type", "")))
    managers.check_apply(exchange.query.get("fieldManager", ""), call.force, is_apply=form == "apply")
    data = await read_body(exchange, backend.config.body_limit)
    wanted = call.field_validation != "Ignore"
    limit = backend.config.body_limit
    written_in = YAML if form == "apply" and not _is_json(data) else JSON
    changes, duplicates = decode_value(data, written_in, want_duplicates=wanted, limit=limit)
    call.duplicates = tuple(duplicates)
    return _written(backend, exchange, await operations.patch(backend, call, changes, form))


def _is_json(data: bytes) -> bool:
    """Clients mostly send JSON where YAML is allowed; it is read much faster as such."""
    try:
        return data.lstrip()[:1] == b"{" and orjson.loads(data) is not None
    except orjson.JSONDecodeError:
        return False


async def _delete_body(backend: Backend, exchange: Exchange) -> Obj:
    data = await read_body(exchange, backend.config.body_limit)
    if not data.strip():
        return {}
    content_type = exchange.request.headers.get("content-type", "")
    if content_type == protobuf.MEDIA_TYPE:
        return protobuf.decode(data)
    return decode(data, content_type).obj


async def _delete(backend: Backend, exchange: Exchange) -> Response:
    operations.check_verb(exchange.call)
    options, dry_run = parse_options(await _delete_body(backend, exchange), exchange.query)
    exchange.call.dry_run = dry_run
    return _written(backend, exchange, await delete(backend, exchange.call, options))


async def _delete_collection(backend: Backend, exchange: Exchange) -> Response:
    call = exchange.call
    operations.check_verb(call)
    options, dry_run = parse_options(await _delete_body(backend, exchange), exchange.query)
    call.dry_run = dry_run
    listing = await delete_collection(backend, call, parameters.list_options(exchange.query), options)
    return answers.list_answer(call, listing, exchange.form, exchange.include, backend.clock.now())


_ANSWERS = {
    "get": _get,
    "list": _list,
    "create": _create,
    "update": _update,
    "patch": _patch,
    "delete": _delete,
    "deletecollection": _delete_collection,
}


def exchange_of(request: Request, call: Call, query: Query) -> Exchange:
    """Negotiate the form of the answer. Raises NotAcceptable."""
    accept = request.headers.get("accept", "")
    encodable = "protobuf" in accept and protobuf_writing.is_encodable(call.kind)
    return Exchange(request, call, query, resource_form(accept, encodable))
