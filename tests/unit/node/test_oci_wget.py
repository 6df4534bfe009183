"""The wget of the test images: it must take the options that Debian's busybox does not."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from podo.node.images import debian


@pytest.mark.parametrize(
    ("options", "passed", "limit"),
    [
        (["-qO-", "http://x/"], ["-qO-", "http://x/"], None),
        (["-T", "2", "-qO-", "http://x/"], ["-qO-", "http://x/"], "2"),
        (["-T3", "http://x/"], ["http://x/"], "3"),
        (["--timeout=4", "-O", "a b", "http://x/"], ["-O", "a b", "http://x/"], "4"),
        (["-q", "--timeout", "5", "http://x/"], ["-q", "http://x/"], "5"),
        (["-qT", "6", "http://x/"], ["-q", "http://x/"], "6"),
    ],
)
def test_the_time_limit_is_taken_from_the_options(
    tmp_path: Path, options: list[str], passed: list[str], limit: str | None
) -> None:
    fake = tmp_path / "busybox"
    fake.write_text('#!/bin/sh\nfor one in "$@"; do echo "$one"; done\n')
    fake.chmod(0o755)
    script = debian.WGET.decode().replace("/bin/busybox", str(fake))
    output = subprocess.run(["sh", "-c", script, "wget", *options], capture_output=True, text=True, check=True).stdout
    called = ["wget", *passed]
    assert output.splitlines() == (called if limit is None else ["timeout", limit, str(fake), *called])


def test_a_time_out_is_told(tmp_path: Path) -> None:
    fake = tmp_path / "busybox"
    fake.write_text("#!/bin/sh\nexit 143\n")
    fake.chmod(0o755)
    script = debian.WGET.decode().replace("/bin/busybox", str(fake))
    done = subprocess.run(["sh", "-c", script, "wget", "-T", "1", "x"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "wget: download timed out\n")
