"""Configuration files of the API server (AuthenticationConfiguration, EncryptionConfiguration, audit Policy …): one
document, in JSON or YAML, of a kind and one of its versions, which a newer file of the same name may replace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
import orjson

T = TypeVar("T")
GROUP = "apiserver.config.k8s.io"


class ConfigurationProblem(ValueError):
    """The file cannot be used; the message names it and says where and why."""


def document(
    data: bytes, where: str, kind: str, versions: Sequence[str], problem: type[Exception] = ConfigurationProblem
) -> dict[str, Any]:
    """The document, of one of ``versions``, the wished one first; () for any. Raises ``problem``."""
    try:
        found = orjson.loads(data)
    except ValueError:
        found = _yaml(data, where, problem)
    is_wanted = isinstance(found, dict) and found.get("kind") == kind
    if not is_wanted or (versions and found.get("apiVersion") not in versions):
        raise problem(f"{where}: must be {_wanted(kind, versions)}")
    return dict(found)


def decoded(data: bytes, where: str, type: type[T], kind: str, versions: Sequence[str]) -> T:
    """The document as a msgspec Struct. Raises ConfigurationProblem."""
    found = document(data, where, kind, versions)
    try:
        return msgspec.convert(found, type)
    except msgspec.ValidationError as problem:
        raise ConfigurationProblem(f"{where}: {problem}") from None


def _yaml(data: bytes, where: str, problem: type[Exception]) -> Any:
    import yaml  # slow to import

    try:
        return yaml.safe_load(data)
    except (yaml.YAMLError, RecursionError):
        raise problem(f"{where} is neither JSON nor YAML") from None


def _wanted(kind: str, versions: Sequence[str]) -> str:
    article = "an" if kind[0] in "AEIO" else "a"
    return f"{article} {kind} of {versions[0]}" if versions else f"{article} {kind}"
