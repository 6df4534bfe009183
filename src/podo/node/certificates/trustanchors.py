"""Trust bundles joined into one file: every certificate once, without comments and headers."""

from __future__ import annotations

from collections.abc import Iterable

from podo.api.kind import Obj
from podo.api.parts import pem
from podo.values.selector import from_label_selector


def chosen(bundles: Iterable[Obj], selector: Obj | None) -> list[Obj]:
    """Those whose labels a LabelSelector matches. None matches no bundle, an empty one all."""
    wanted = from_label_selector(selector)
    return [bundle for bundle in bundles if wanted.matches(bundle["metadata"].get("labels") or {})]


def merged(bundles: Iterable[Obj]) -> bytes:
    """PEM; in the order of the bundles' names, so that the same bundles always make the same file."""
    found: dict[bytes, None] = {}
    for bundle in sorted(bundles, key=lambda each: str(each["metadata"]["name"])):
        found |= {block.content: None for block in pem.blocks(bundle["spec"].get("trustBundle") or "")}
    return "".join(pem.written("CERTIFICATE", content) for content in found).encode()
