"""The query parameters of a request as the options of its verb."""

from __future__ import annotations

from urllib.parse import parse_qsl

from podo.api import schema
from podo.api.errors import bad_request, invalid_options
from podo.api.rules import Found, forbidden, not_supported
from podo.apiserver.call import Call
from podo.apiserver.fieldmanagement import managers
from podo.apiserver.verbs.list import ListOptions
from podo.apiserver.verbs.watch import WatchOptions, parse_timeout

Query = dict[str, str]
#: More parameters than this are refused.
MAX_PARAMETERS = 200
_FALSE = frozenset({"false", "0"})
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
    """A flag: false where it is not given, ``false`` or ``0``; true for anything else, also for a bare name."""
    return text is not None and text.lower() not in _FALSE


_OPTIONS = {"create": "CreateOptions", "update": "UpdateOptions", "patch": "PatchOptions"}


def read_write_options(call: Call, query: Query) -> None:
    """dryRun, fieldValidation, fieldManager and force. Raises Invalid with all that is wrong with them."""
    if not query:
        return
    problems: Found = []
    if name := query.get("fieldManager"):
        managers.check(name, problems)
        call.manager = call.field_manager = name
    if (force := query.get("force")) is not None:
        call.force = is_true(force)
    if dry_run := query.get("dryRun"):
        call.dry_run = True
        if dry_run != "All":
            problems.append(not_supported("dryRun", [dry_run], ("All",)))
    if validation := query.get("fieldValidation"):
        call.field_validation = validation
        if validation not in schema.VALIDATIONS:
            problems.append(not_supported("fieldValidation", validation, ("", *sorted(schema.VALIDATIONS))))
    if problems:
        raise invalid_options(_OPTIONS.get(call.verb, "PatchOptions"), problems)


def list_options(query: Query) -> ListOptions:
    if not query:
        return ListOptions()
    get = query.get
    if "sendInitialEvents" in query:
        problem = forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list")
        raise invalid_options("ListOptions", [problem])
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
