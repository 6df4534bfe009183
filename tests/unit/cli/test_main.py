"""The command line without a cluster: verbs, messages and exit codes."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from podo.cli import main as command_line
from podo.cli.commands.up import duration
from podo.cli.errors import CommandFailed
from podo.cli.main import COMMANDS, main
from podo.cluster.config import Config


def test_help_names_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    said = capsys.readouterr().out
    assert all(f"    {verb} " in said for verb in COMMANDS)
    assert "supervise" not in said and "==SUPPRESS==" not in said


@pytest.mark.parametrize("verb", COMMANDS)
def test_every_verb_explains_itself(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([verb, "--help"])
    assert ended.value.code == 0
    assert f"usage: podo {verb}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments", [["fly"], ["up", "--nodes", "many"], ["image"], ["image", "load"], ["logs", "a", "b"]]
)
def test_a_wrong_call_is_a_usage_error(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err


@pytest.mark.parametrize("verb", [["status"], ["down"], ["kubeconfig"], ["logs"], ["image", "list"]])
def test_without_a_cluster(verb: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*verb, "--data-dir", str(tmp_path)]) == 3
    assert capsys.readouterr().err == f"error: no cluster in {tmp_path}\ntry:   podo up\n"


@pytest.mark.parametrize("verb", [["status"], ["image", "list"]])
def test_a_cluster_that_does_not_run(verb: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Config("still", str(tmp_path)).save()
    assert main([*verb, "--name", "still", "--data-dir", str(tmp_path)]) == 4
    said = capsys.readouterr()
    assert said.err == "error: cluster still is not running\ntry:   podo up --name still\n"
    assert (verb == ["status"]) == ("cluster still: https://127.0.0.1:6443" in said.out)


@pytest.mark.parametrize("content", ["{", "[]", '{"name": "x"}', '{"name": "X_Y", "data_dir": ""}', '{"colour": 1}'])
def test_a_damaged_configuration(content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.json").write_text(content)
    assert main(["status", "--data-dir", str(tmp_path)]) == 6
    assert f"error: {tmp_path}/config.json is damaged: " in capsys.readouterr().err


def test_the_cause_is_shown_when_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").write_text("{")
    assert main(["status", "-v", "--data-dir", str(tmp_path)]) == 6
    assert "Traceback" in capsys.readouterr().err
    assert main(["status", "--data-dir", str(tmp_path)]) == 6
    assert "Traceback" not in capsys.readouterr().err


def test_a_failure_without_a_code_is_not_a_success(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line._report(CommandFailed(0, "odd"), verbose=False) == 1
    assert capsys.readouterr().err == "error: odd\n"


@pytest.mark.parametrize(
    ("text", "seconds"), [("60s", 60), ("2m", 120), ("1h", 3600), ("5", 5), ("0", 0), ("0.5s", 0.5)]
)
def test_durations(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "-1s", "1d", "1 s", "1s1", "٣s x"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is not a duration"):
        duration(text)


def test_data_directories_follow_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PODO_DATA_DIR", str(tmp_path))
    assert main(["status", "--name", "mine"]) == 3
    assert f"no cluster in {tmp_path}/mine" in capsys.readouterr().err
