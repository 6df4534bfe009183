"""All libraries: those whose declarations the checker brings, those that it must be told, and what those replace."""

from __future__ import annotations

from podo.cel.library import (
    addresses,
    authorizing,
    formats,
    lists,
    maps,
    optionals,
    ordering,
    quantities,
    regex,
    semvers,
    standard,
    strings,
    urls,
)
from podo.cel.library.function import Function

KNOWN: tuple[Function, ...] = (*standard.FUNCTIONS, *optionals.KNOWN, *maps.FUNCTIONS, *lists.KNOWN)
DECLARED: tuple[Function, ...] = (
    *ordering.FUNCTIONS,
    *standard.TEXTS,
    *addresses.TEXTS,
    *strings.FUNCTIONS,
    *lists.DECLARED,
    *optionals.DECLARED,
    *regex.FUNCTIONS,
    *urls.FUNCTIONS,
    *quantities.FUNCTIONS,
    *addresses.FUNCTIONS,
    *formats.FUNCTIONS,
    *semvers.FUNCTIONS,
    *authorizing.FUNCTIONS,
)
#: Standard functions of which more overloads are declared here than the checker knows: these are all there are then.
REPLACED: tuple[str, ...] = (*ordering.NAMES, "string")
