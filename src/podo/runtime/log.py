"""Logs: one line a record on stderr, ``key=value`` fields after the message. The level is set once, at start."""

from __future__ import annotations

import faulthandler
import logging
import sys
from typing import Any


class Logger:
    """A named logger whose calls take the facts as keywords: ``log.info("pod started", pod="default/web")``."""

    def __init__(self, name: str) -> None:
        self._log = logging.getLogger(name)

    def _write(self, level: int, message: str, fields: dict[str, Any], failure: BaseException | None = None) -> None:
        if self._log.isEnabledFor(level):
            facts = "".join(f" {key}={value!r}" for key, value in fields.items())
            self._log.log(level, "%s%s", message, facts, exc_info=failure)

    def debug(self, message: str, **fields: Any) -> None:
        self._write(logging.DEBUG, message, fields)

    def info(self, message: str, **fields: Any) -> None:
        self._write(logging.INFO, message, fields)

    def warning(self, message: str, **fields: Any) -> None:
        self._write(logging.WARNING, message, fields)

    def error(self, message: str, failure: BaseException | None = None, **fields: Any) -> None:
        """``failure`` adds its traceback: for bugs, not for the user's problems."""
        self._write(logging.ERROR, message, fields, failure)


def configure(level: str = "INFO") -> None:
    """Send every record of this process to stderr; there it says, too, where each thread stands when it is aborted."""
    faulthandler.enable()
    logging.basicConfig(
        level=level, stream=sys.stderr, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s", force=True
    )
