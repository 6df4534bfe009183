"""Merging a context into a user's kubeconfig, and taking it out again, touches nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from podo.cluster import certificates, kubeconfig
from podo.cluster.config import Config, ConfigProblem, load
from podo.runtime.clock import SystemClock

THEIRS = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "work", "cluster": {"server": "https://work.example"}}],
    "users": [{"name": "me", "user": {"token": "secret"}}],
    "contexts": [{"name": "work", "context": {"cluster": "work", "user": "me"}}],
    "current-context": "work",
    "preferences": {"colors": True},
}


@pytest.fixture
def config(tmp_path: Path) -> Config:
    found = Config("test", str(tmp_path / "data"))
    found.layout.make()
    certificates.ensure(found, SystemClock())
    return found


def test_merge_and_remove_leave_the_rest_alone(config: Config, tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(THEIRS))
    kubeconfig.merge(config, path)
    kubeconfig.merge(config, path)
    merged = yaml.safe_load(path.read_text())
    assert merged["current-context"] == "podo-test"
    assert [c["name"] for c in merged["contexts"]] == ["work", "podo-test"]
    assert merged["users"][0] == THEIRS["users"][0]  # type: ignore[index]
    assert kubeconfig.remove(config, path)
    assert not kubeconfig.remove(config, path)
    assert yaml.safe_load(path.read_text()) == {**THEIRS, "current-context": ""}


def test_a_damaged_file_is_refused_and_kept(config: Config, tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text("a: [")
    with pytest.raises(kubeconfig.KubeconfigProblem):
        kubeconfig.merge(config, path)
    assert path.read_text() == "a: ["


def test_files_with_keys_are_closed_to_others(config: Config) -> None:
    for key in config.layout.pki.glob("*.key"):
        assert key.stat().st_mode & 0o077 == 0
    assert config.layout.pki.stat().st_mode & 0o077 == 0


def test_certificates_stay_the_same_over_a_restart(config: Config) -> None:
    before = {path: path.read_bytes() for path in config.layout.pki.iterdir()}
    certificates.ensure(config, SystemClock())
    assert {path: path.read_bytes() for path in config.layout.pki.iterdir()} == before


def test_configuration_round_trip_and_damage(tmp_path: Path) -> None:
    config = Config("a", str(tmp_path), nodes=3)
    config.save()
    assert load(tmp_path) == config
    config.layout.config.write_text('{"nodes": 1}')
    with pytest.raises(ConfigProblem):
        load(tmp_path)
    assert load(tmp_path / "nowhere") is None


@pytest.mark.parametrize("name", ["", "-a", "A", "a_b", "a" * 31])
def test_bad_names(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigProblem):
        Config(name, str(tmp_path))
