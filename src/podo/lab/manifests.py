"""What a test may hand to ``apply``: a path, YAML text, an object, or several of them; and how it may name a kind."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from podo.api import registry
from podo.api.kind import Kind, Obj
from podo.apiserver.served import Served

Manifest = str | Path | Mapping[str, Any] | Iterable[Any]


def objects_of(manifest: Manifest) -> Iterator[Obj]:
    """Every object in ``manifest``: the documents of a file or text, the items of a List. They are the caller's to
    change."""
    if isinstance(manifest, Path) or (isinstance(manifest, str) and "\n" not in manifest and ":" not in manifest):
        yield from _documents(Path(manifest).read_text(encoding="utf-8"))
    elif isinstance(manifest, str):
        yield from _documents(manifest)
    elif isinstance(manifest, Mapping):
        if str(manifest.get("kind", "")).endswith("List") and "items" in manifest:
            yield from objects_of(manifest["items"])
        else:
            yield copy.deepcopy(dict(manifest))
    else:
        for each in manifest:
            yield from objects_of(each)


def _documents(text: str) -> Iterator[Obj]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for document in yaml.load_all(text, Loader=loader):
        if document is not None:
            yield from objects_of(document)


def kind_named(name: str, kinds: Served) -> Kind:
    """The kind a person means: ``Deployment``, ``deployments``, ``deploy``. Raises ``registry.UnknownKind``."""
    try:
        return kinds.named(name)
    except registry.UnknownKind:
        wanted = name.lower()
        for kind in kinds.all_kinds():
            if wanted in {kind.kind.lower(), kind.plural, kind.singular, kind.resource, *kind.short_names}:
                return kind
        raise
