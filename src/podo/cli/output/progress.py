"""Progress on stderr, one line a step; data goes to stdout and is never mixed with it."""

from __future__ import annotations

import sys


def step(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


def done(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
