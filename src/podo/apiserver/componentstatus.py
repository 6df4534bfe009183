"""``componentstatuses`` (``kubectl get cs``): asked of the components at the moment of the request."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from podo.api.encoding import dumps
from podo.api.errors import not_found
from podo.api.kinds.core.componentstatus import COMPONENTSTATUS
from podo.apiserver import answers, operations, parameters
from podo.apiserver.resources import Exchange
from podo.apiserver.selection import select
from podo.apiserver.verbs.list import Listing
from podo.http.message import Response
from podo.storage.contract import Record

#: Gives what is wrong with a component, or "".
Components = Mapping[str, Callable[[], str]]


def answer(exchange: Exchange, components: Components, revision: int, now: float) -> Response:
    """Raises NotFound and MethodNotAllowed."""
    call = exchange.call
    operations.check_verb(call)
    if call.verb == "get":
        if call.name not in components:
            raise not_found(call.kind, call.name)
        return answers.record_answer(call, _record(call.name, components), exchange.form, exchange.include, now)
    options = parameters.list_options(exchange.query)
    selection = select(call.kind, "", options.labels, options.fields)
    records = [_record(name, components) for name in components]
    listing = Listing([record for record in records if selection.matches(record)], revision)
    return answers.list_answer(call, listing, exchange.form, exchange.include, now)


def _record(name: str, components: Components) -> Record:
    problem = components[name]()
    condition = {"type": "Healthy", "status": "False" if problem else "True", "message": "" if problem else "ok"}
    if problem:
        condition["error"] = problem
    status = {"kind": "ComponentStatus", "apiVersion": "v1", "metadata": {"name": name}, "conditions": [condition]}
    return Record(COMPONENTSTATUS.key("", name), dumps(status), 0, 0)
