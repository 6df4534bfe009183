"""The query parameters of a request as the options of its verb."""

from __future__ import annotations

from urllib.parse import parse_qsl

from podo.api.errors import ApiError, bad_request
from podo.apiserver import shape
from podo.apiserver.call import Call
from podo.apiserver.fieldmanagement import managers
from podo.apiserver.verbs.list import ListOptions
from podo.apiserver.verbs.watch import WatchOptions, parse_timeout

Query = dict[str, str]
#: More parameters than this are refused.
MAX_PARAMETERS = 200
_TRUE = frozenset({"true", "1", "True", "TRUE", "t", "T"})
_NO_QUERY: Query = {}


def parse_query(text: str) -> Query:
    """The first value of each parameter. Raises BadRequest."""
    if not text:
        return _NO_QUERY
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
    except ValueError:
        raise bad_request(f"a request may have at most {MAX_PARAMETERS} query parameters") from None
    found: Query = {}
    for name, value in pairs:
        found.setdefault(name, value)
    return found


def is_true(text: str | None) -> bool:
    return text in _TRUE


def is_dry_run(text: str | None) -> bool:
    """The dryRun parameter. Raises Invalid for anything but ``All``."""
    if not text:
        return False
    if text != "All":
        why = f'dryRun: Unsupported value: "{text}": supported values: "All"'
        raise ApiError("Invalid", f'CreateOptions.meta.k8s.io "" is invalid: {why}')
    return True


_OPTIONS = {"create": "CreateOptions", "update": "UpdateOptions", "patch": "PatchOptions"}


def read_write_options(call: Call, query: Query) -> None:
    """dryRun, fieldValidation, fieldManager and force."""
    if query:
        if name := query.get("fieldManager"):
            call.manager = call.field_manager = managers.check(name, _OPTIONS.get(call.verb, "PatchOptions"))
        if (force := query.get("force")) is not None:
            call.force = is_true(force)
        call.dry_run = is_dry_run(query.get("dryRun"))
        call.field_validation = shape.check_validation(query.get("fieldValidation", ""))


def list_options(query: Query) -> ListOptions:
    if not query:
        return ListOptions()
    get = query.get
    if "sendInitialEvents" in query:
        why = "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list"
        raise ApiError("Invalid", f'ListOptions.meta.k8s.io "" is invalid: {why}')
    return ListOptions(
        get("labelSelector", ""),
        get("fieldSelector", ""),
        _number(get("limit", ""), "limit"),
        get("continue", ""),
        get("resourceVersion", ""),
        get("resourceVersionMatch", ""),
    )


def watch_options(query: Query) -> WatchOptions:
    get = query.get
    initial = get("sendInitialEvents")
    return WatchOptions(
        get("labelSelector", ""),
        get("fieldSelector", ""),
        get("resourceVersion", ""),
        get("resourceVersionMatch", ""),
        is_true(get("allowWatchBookmarks")),
        None if initial is None else is_true(initial),
        parse_timeout(get("timeoutSeconds", "")),
    )


def _number(text: str, name: str) -> int:
    if not text:
        return 0
    try:
        return int(text)
    except ValueError:
        raise bad_request(f'{name}: Invalid value: "{text}": must be a number') from None
