"""Applying a configuration to an object: checks of the configuration, the merge, and whose the fields are then."""

from __future__ import annotations

from typing import Any

from podo.api.errors import bad_request
from podo.api.kind import Kind, Obj
from podo.api.schema import WrongType
from podo.apiserver import shape, stamping, stored
from podo.apiserver.call import Call
from podo.apiserver.fieldmanagement import conflicts, entries, lastapplied, tracking, versions
from podo.apiserver.fieldmanagement.entries import APPLY, Managed, Manager, Share
from podo.values.fields import difference
from podo.values.patch import PatchError
from podo.values.patch.apply import Applied, Conflicts, apply, check

#: Who owns what is there when an object that nobody owns fields of is applied to for the first time.
BEFORE = "before-first-apply"


def prepared(call: Call, sent: Any) -> Obj:
    """A configuration in the form of stored objects, where null stands for a field to unset. Raises BadRequest."""
    if not isinstance(sent, dict):
        raise bad_request("error decoding YAML: an apply patch must be an object")
    kind = call.kind
    _check_kind(kind, sent)
    found = sent.get("metadata")
    if found is not None and not isinstance(found, dict):
        raise bad_request("metadata must be an object")
    if found and found.get("managedFields") is not None:
        raise bad_request("metadata.managedFields must be nil")
    config: Obj = stored.copy({**sent, "metadata": found or {}})
    _check_name(call, config)
    try:
        check(config, tracking.layout(kind))
        shape.type_of(kind).decode(config)
    except (PatchError, WrongType) as problem:
        raise bad_request(_not_typed(call, str(problem))) from None
    _put_nulls_back(sent, config)
    if call.duplicates:
        _tell_duplicates(call)
    return config


def _check_kind(kind: Kind, sent: Obj) -> None:
    version, name = sent.get("apiVersion"), sent.get("kind")
    if name != kind.kind or not isinstance(version, str) or version.rpartition("/")[0] != kind.group:
        raise bad_request(f"invalid object type: {version or '/'}, Kind={name or ''}")
    if version != kind.api_version:
        why = f"Specified patch version: {version}, expected: {kind.api_version}"
        raise bad_request(f"Incorrect version specified in apply patch. {why}")


def _check_name(call: Call, config: Obj) -> None:
    found = config["metadata"]
    name = found.setdefault("name", call.name)
    if name != call.name:
        raise bad_request(f"the name of the object ({name}) does not match the name on the URL ({call.name})")
    stamping.match_namespace(call, config)


def _not_typed(call: Call, why: str) -> str:
    kind = call.kind
    where = f"{call.namespace}/{call.name}; {kind.api_version}, Kind={kind.kind}"
    return f"failed to create typed patch object ({where}): {why}"


def _tell_duplicates(call: Call) -> None:
    if call.field_validation == "Strict":
        raise bad_request(f"error strict decoding YAML: {', '.join(call.duplicates)}")
    if call.field_validation == "Warn":
        call.warnings.extend(call.duplicates)


def _put_nulls_back(sent: Any, config: Any) -> None:
    """Decoding drops nulls; an apply means something by them."""
    if isinstance(sent, dict) and isinstance(config, dict):
        for name, value in sent.items():
            if value is None:
                config[name] = None
            elif name in config and isinstance(value, dict | list):
                _put_nulls_back(value, config[name])
    elif isinstance(sent, list) and isinstance(config, list):
        for value, made in zip(sent, config, strict=False):
            _put_nulls_back(value, made)


def applied(call: Call, live: Obj | None, config: Obj, now: float, version: str = "") -> Obj:
    """``live`` (None: there is no object yet) with a ``prepared`` configuration applied, and its new managedFields.

    ``version``: what conflicts name as the apiVersion, if not that of the entries. Raises Conflict with the fields of
    other managers, unless the call forces.
    """
    manager = Manager(call.manager, APPLY, "", call.subresource)
    managed = _managed(call, live, now)
    before = live or {"metadata": {}}
    done = _merged(call, before, config, managed, manager, version)
    if call.manager == lastapplied.KUBECTL:
        lastapplied.renew(done.obj, config)
    changed = live is None or done.obj != live
    new = stored.copy(done.obj)
    new["apiVersion"], new["kind"] = call.kind.api_version, call.kind.kind
    found = new["metadata"]
    entries.write(found, _entries(call, managed, done, manager, tracking.second(int(now)) if changed else ""))
    if live is not None:
        tracking.keep_times(found, live["metadata"].get("managedFields"))
    return new


def _managed(call: Call, live: Obj | None, now: float) -> Managed:
    if live is None:
        return {}
    return entries.read(live["metadata"]) or tracking.taken(call, {}, live, now, BEFORE)


def _merged(call: Call, live: Obj, config: Obj, managed: Managed, manager: Manager, version: str) -> Applied[Manager]:
    ignored = tracking.ignored(call.kind, call.subresource)
    force = bool(call.force)

    def attempt(force: bool) -> Applied[Manager]:
        if versions.are_mixed(call, managed):
            return versions.apply(call, live, config, managed, manager, force=force, ignored=ignored)
        return apply(live, config, layout, owned, manager, force=force, ignored=ignored)

    layout = tracking.layout(call.kind)
    owned = {one: share.fields for one, share in managed.items()}
    try:
        return attempt(force)
    except Conflicts as found:
        others = found.fields
    except PatchError as problem:
        raise bad_request(_not_typed(call, str(problem))) from None
    if manager.name == lastapplied.KUBECTL:
        others = _not_allowed(others, lastapplied.owned(live, layout))
        if not others:
            return attempt(True)
    raise conflicts.refusal(others, {one: version or share.version for one, share in managed.items()})


def _not_allowed(others: dict[Any, Any], allowed: Any) -> dict[Any, Any]:
    left = {manager: difference(fields, allowed) for manager, fields in others.items()}
    return {manager: fields for manager, fields in left.items() if fields}


def _entries(call: Call, managed: Managed, done: Applied[Manager], manager: Manager, now: str) -> Managed:
    found: Managed = {}
    for one, fields in done.owned.items():
        share = managed.get(one)
        if one == manager:
            when = now or (share.time if share else "")
            found[one] = Share(call.kind.api_version, fields, when)
        elif share is not None:
            found[one] = share._replace(fields=fields)
    return found
