"""Laws of patches and of server-side apply, held against RFCs, another implementation, and the whole server."""

from __future__ import annotations

import copy
from itertools import permutations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from podo.values.patch import PatchError, json, merge
from tests.fuzz.asking import Asking

pytestmark = pytest.mark.fuzz
KEYS = st.sampled_from(["a", "b", "", "a/b", "m~n", "0", "1", "-", "ä"])
SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "x", "y"]) | st.just(1.5)
VALUES = st.recursive(SCALARS, lambda one: st.lists(one, max_size=3) | st.dictionaries(KEYS, one, max_size=3))
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=4)


def by_rfc_7386(target: Any, patch: Any) -> Any:
    """The procedure of section 2, as it stands there."""
    if not isinstance(patch, dict):
        return patch
    found = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            found.pop(name, None)
        else:
            found[name] = by_rfc_7386(found.get(name), value)
    return found


@settings(max_examples=120, deadline=None)
@given(OBJECTS, OBJECTS)
def test_merge_patches_are_those_of_the_rfc(target: dict[str, Any], patch: dict[str, Any]) -> None:
    assert merge.apply(copy.deepcopy(target), copy.deepcopy(patch)) == by_rfc_7386(target, patch)


@st.composite
def operations(draw: st.DrawFn) -> list[dict[str, Any]]:
    """JSON patches that often fit their documents: pointers are made of the same keys."""
    pointer = st.lists(KEYS, max_size=3).map(
        lambda keys: "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys)
    )
    found = []
    for op in draw(st.lists(st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]), max_size=4)):
        each: dict[str, Any] = {"op": op, "path": draw(pointer)}
        if op in ("add", "replace", "test"):
            each["value"] = draw(VALUES)
        if op in ("move", "copy"):
            each["from"] = draw(pointer)
        found.append(each)
    return found


@settings(max_examples=250, deadline=None)
@given(OBJECTS, operations())
def test_json_patches_are_those_of_another_implementation(
    document: dict[str, Any], patch: list[dict[str, Any]]
) -> None:
    other = pytest.importorskip("jsonpatch", reason="not installed: pip install -e '.[clients]'")
    ours: Any
    try:
        ours = json.apply(copy.deepcopy(document), copy.deepcopy(patch))
    except PatchError:
        return  # what it refuses differs in details that the RFC leaves open
    try:
        theirs = other.apply_patch(document, patch)
    except (other.JsonPatchException, other.JsonPointerException, TypeError, KeyError):
        return
    assert ours == theirs


# Server-side apply, through the server

ONE = "/apis/apps/v1/namespaces/default/deployments/web"
APPLY = "application/apply-patch+yaml"
NAMES = [f"n{number}" for number in range(6)]


def config(share: dict[str, str]) -> dict[str, Any]:
    """What one manager applies: of each name it owns a label, an annotation, a container or a variable."""
    containers: list[dict[str, Any]] = [
        {"name": name, "image": f"{name}:1"} for name, what in share.items() if what == "container"
    ]
    env = [{"name": name, "value": "1"} for name, what in share.items() if what == "env"]
    if env:
        containers.append({"name": "shared", "env": env})
    metadata: dict[str, Any] = {"name": "web"}
    for what in ("labels", "annotations"):
        if chosen := {name: "1" for name, kind in share.items() if kind == what}:
            metadata[what] = chosen
    found: dict[str, Any] = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata}
    if containers:
        found["spec"] = {"template": {"spec": {"containers": containers}}}
    return found


BASE = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "shared", "image": "shared:1"}]},
        },
    },
}


def applied(server: Asking, manager: str, body: dict[str, Any]) -> dict[str, Any]:
    status, answer = server.ask("PATCH", f"{ONE}?fieldManager={manager}", body, content_type=APPLY)
    assert status in (200, 201), answer
    assert isinstance(answer, dict)
    return answer


def meaning(found: dict[str, Any]) -> dict[str, Any]:
    """What must not depend on the order: all but times, versions, uids and the order of list items with keys."""
    metadata = {
        key: value for key, value in found["metadata"].items() if key in ("labels", "annotations", "generateName")
    }
    spec = copy.deepcopy(found["spec"])
    containers = {each["name"]: each for each in spec["template"]["spec"].pop("containers")}
    for each in containers.values():
        each["env"] = {one["name"]: one for one in each.get("env", [])}
    owned = {entry["manager"]: entry["fieldsV1"] for entry in found["metadata"]["managedFields"]}
    return {"metadata": metadata, "spec": spec, "containers": containers, "owned": owned}


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.dictionaries(
        st.sampled_from(NAMES),
        st.tuples(st.integers(0, 2), st.sampled_from(["labels", "annotations", "container", "env"])),
        min_size=2,
    )
)
def test_disjoint_owners_commute_and_twice_is_once(shares: dict[str, tuple[int, str]]) -> None:
    configs = [config({name: what for name, (owner, what) in shares.items() if owner == number}) for number in range(3)]
    with Asking() as server:
        outcomes = []
        for order in permutations(range(3)):
            applied(server, "base", BASE)
            for number in order:
                first = applied(server, f"m{number}", configs[number])
                again = applied(server, f"m{number}", configs[number])
                assert again == first, "applying twice is applying once"
            outcomes.append(meaning(server.ask("GET", ONE)[1]))
            server.ask("DELETE", ONE)
        assert all(outcome == outcomes[0] for outcome in outcomes)
