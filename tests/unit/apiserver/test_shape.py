"""Bodies made from one template are looked at once; what differs is still found."""

from __future__ import annotations

from typing import Any

import pytest

from podo.api import registry
from podo.api.errors import ApiError
from podo.apiserver.call import Call
from podo.apiserver.shape import conform


def _pod(name: Any = "a", **spec: Any) -> dict[str, Any]:
    container = {"name": "main", "image": "busybox", **spec}
    return {"metadata": {"name": name, "labels": {"app": "x"}}, "spec": {"containers": [container]}}


def _call(validation: str = "Warn", duplicates: tuple[str, ...] = ()) -> Call:
    call = Call("create", registry.named("Pod"), "default", field_validation=validation)
    call.duplicates = duplicates
    return call


def test_a_template_seen_before_gives_the_same_object() -> None:
    first, second = conform(_call(), _pod()), conform(_call(), _pod())
    assert first == second == {"apiVersion": "v1", "kind": "Pod", **_pod()}


def test_metadata_is_looked_at_each_time() -> None:
    conform(_call(), _pod())
    call = _call()
    assert "foo" not in conform(call, {**_pod(), "metadata": {"name": "b", "foo": 1}})["metadata"]
    assert call.warnings == ['unknown field "metadata.foo"']
    with pytest.raises(ApiError, match="cannot unmarshal number"):
        conform(_call(), _pod(name=1))
    assert conform(_call(), {**_pod(), "metadata": None})["metadata"] == {}


def test_unknown_fields_are_told_of_each_time() -> None:
    for _ in range(2):
        call = _call()
        made = conform(call, _pod(colour="red"))
        assert call.warnings == ['unknown field "spec.containers[0].colour"']
        assert "colour" not in made["spec"]["containers"][0]
        with pytest.raises(ApiError, match="strict decoding error"):
            conform(_call("Strict"), _pod(colour="red"))
        silent = _call("Ignore")
        assert conform(silent, _pod(colour="red")) == made
        assert silent.warnings == []


def test_duplicates_are_told_of_each_time() -> None:
    for _ in range(2):
        conform(_call(), _pod())
        call = _call(duplicates=('duplicate field "spec.x"',))
        conform(call, _pod())
        assert call.warnings == ['duplicate field "spec.x"']


def test_what_is_brought_into_the_stored_form_is_so_each_time() -> None:
    for _ in range(2):
        made = conform(_call(), _pod(resources={"limits": {"cpu": 0.5}}, command=None))
        assert made["spec"]["containers"][0] == {
            "name": "main",
            "image": "busybox",
            "resources": {"limits": {"cpu": "500m"}},
        }
