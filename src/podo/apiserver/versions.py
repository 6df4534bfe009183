"""The resourceVersion, resourceVersionMatch and continue parameters of list and watch, and what is refused.

Source: "Resource versions" and "Retrieving large results sets in chunks" of the Kubernetes API concepts.
"""

from __future__ import annotations

import base64
import binascii

import orjson

from podo.api.errors import ApiError, bad_request, invalid_options
from podo.api.rules import Found, forbidden, not_supported

_EXPIRED_CONTINUE = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)
_MATCH = "resourceVersionMatch"
#: In a continue token: the revision is gone, go on at the newest.
NEWEST = -1


def parse_revision(text: str) -> int | None:
    """None for "". Raises BadRequest for what is no number."""
    if not text:
        return None
    if text.isascii() and text.isdigit() and len(text) <= 18:
        return int(text)
    why = f'strconv.ParseUint: parsing "{text}": invalid syntax'
    raise bad_request(f'invalid resource version: resourceVersion: Invalid value: "{text}": {why}')


def too_large(wanted: int, current: int) -> ApiError:
    """The client has seen a revision that this server has not yet."""
    message = f"Too large resource version: {wanted}, current: {current}"
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    return ApiError("Timeout", f"Timeout: {message}", {"causes": [cause], "retryAfterSeconds": 1})


def check_reached(wanted: int, current: int) -> None:
    """Raises Timeout where the server is not as far yet as the client has seen."""
    if wanted > current:
        raise too_large(wanted, current)


def too_old(wanted: int, oldest: int) -> ApiError:
    return ApiError("Expired", f"too old resource version: {wanted} ({oldest})")


def expired_page(after: str) -> ApiError:
    """A page whose revision is compacted: the error brings a token for the rest as it is now."""
    error = ApiError("Expired", _EXPIRED_CONTINUE)
    error.continue_token = continue_token(NEWEST, after)
    return error


def continue_token(revision: int, after: str) -> str:
    """Opaque to clients: the revision all pages are read at, and the last key given."""
    token = {"v": "meta.k8s.io/v1", "rv": revision, "start": after}
    return base64.urlsafe_b64encode(orjson.dumps(token)).rstrip(b"=").decode()


def read_continue_token(token: str, prefix: str) -> tuple[int, str]:
    """The revision (0: now) and the key to go on after. Raises BadRequest for a token not given for such a list."""
    try:
        value = orjson.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        revision, after = value["rv"], value["start"]
        known = value["v"] == "meta.k8s.io/v1" and isinstance(revision, int) and isinstance(after, str)
    except (binascii.Error, ValueError, KeyError, TypeError):
        known = False
    if not known or not after.startswith(prefix) or (revision <= 0 and revision != NEWEST):
        raise bad_request("invalid continue token: continue key is not valid: the token was not given for this list")
    return max(0, revision), after


def check_match(match: str, revision: str, token: str) -> None:
    """The combinations that upstream forbids. Raises Invalid (as 422)."""
    if not match:
        return
    problems: Found = []
    if not revision:
        problems.append(forbidden(_MATCH, "resourceVersionMatch is forbidden unless resourceVersion is provided"))
    if token:
        problems.append(forbidden(_MATCH, "resourceVersionMatch is forbidden when continue is provided"))
    if match not in ("Exact", "NotOlderThan"):
        problems.append(not_supported(_MATCH, match, ("Exact", "NotOlderThan", "")))
    if match == "Exact" and revision == "0":
        problems.append(forbidden(_MATCH, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'))
    if problems:
        raise invalid_options("ListOptions", problems)


def check_watch_match(match: str, initial_events: bool | None) -> None:
    """Likewise of a watch, where it goes with ``sendInitialEvents``."""
    problems: Found = []
    if initial_events is not None and match != "NotOlderThan":
        why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        problems.append(forbidden(_MATCH, why))
    if match and initial_events is None:
        why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
        problems.append(forbidden(_MATCH, why))
    if match not in ("", "NotOlderThan"):
        problems.append(not_supported(_MATCH, match, ("NotOlderThan",)))
    if problems:
        raise invalid_options("ListOptions", problems)
