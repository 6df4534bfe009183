"""The control list of ``podo audit``: its sections, and what it says of files that are there only if asked for."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from podo.cluster import access
from podo.cluster.benchmark.control import FAIL, Finding
from podo.cluster.benchmark.ground import Answered, Ground
from podo.cluster.benchmark.running import CONTROLS, chosen
from podo.cluster.config import Config


def sections(*wanted: str) -> list[str]:
    return [control.section for control in chosen(wanted)]


def test_sections_are_chosen_by_their_beginnings() -> None:
    assert sections() == [control.section for control in CONTROLS]
    assert sections("1.2.1") == ["1.2.1"], "and none of 1.2.12"
    assert set(sections("1.2")) == {one for one in sections() if one.startswith("1.2.")}
    assert sections("5.1.1", "1.2.1") == ["1.2.1", "5.1.1"]
    with pytest.raises(ValueError, match="no control in section 9"):
        chosen(["9"])


class Refusing(Ground):
    """A cluster that lets nobody in."""

    async def ask(self, path: str, method: str = "GET", body: object = None, **more: str) -> Answered:
        return 401, {}


def test_static_tokens_are_told_of(tmp_path: Path) -> None:
    config = Config("test", str(tmp_path))
    (control,) = chosen(["1.2.2"])

    async def looked() -> Finding:
        return await control.check(Refusing(config))

    assert asyncio.run(looked()).verdict == "PASS"
    access.token_file_path(config).write_text("a,b,c\n")
    found = asyncio.run(looked())
    assert found.verdict == FAIL and "token-auth.csv" in found.reason
