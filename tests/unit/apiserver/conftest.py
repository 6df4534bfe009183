"""Certificates for the tests of this folder, made once a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pki import Pki


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(Path(tmp_path_factory.mktemp("pki")))
