"""The address a probe or hook goes to: a port may be a number or the name of one of the container's ports."""

from __future__ import annotations

from podo.node.environment import ConfigProblem
from podo.node.machine import Target


def address_of(target: Target, host: str, port: object) -> tuple[str, int]:
    """Host and port. Raises ConfigProblem for a name that no port has."""
    return host or target.ip, _number(target, port)


def _number(target: Target, port: object) -> int:
    text = str(port)
    if text.isdigit():
        return int(text)
    for known in target.spec.get("ports") or ():
        if known.get("name") == text:
            return int(known["containerPort"])
    raise ConfigProblem(f"couldn't find port: {text} in container {target.spec.get('name')}")


def joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
