"""How a command ends when it does not end well: a message, what to try, and the exit code."""

from __future__ import annotations

FAILURE, USAGE, NOT_FOUND, NOT_RUNNING, TIMEOUT, PRECONDITION = 1, 2, 3, 4, 5, 6


class CommandFailed(Exception):
    """``hint`` is the command, or the thing to look at, that helps."""

    def __init__(self, code: int, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
