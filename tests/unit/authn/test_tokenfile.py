"""Static tokens, from a file that an administrator has asked for."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from podo.api.configuration import ConfigurationProblem
from podo.authn.settings import AuthenticationSettings
from podo.authn.tokenfile import parse
from podo.cluster import access
from podo.cluster.config import Config
from podo.cluster.givenfiles import FILES, adopt
from tests.unit.apiserver.world import World

FILE = b's3cret,jane,42,"developers,testers"\nother,joe,7\n\n"quoted,token",max,1,admins\n'
WHO = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


def test_whose_they_are() -> None:
    async def run() -> None:
        world = await World(authentication=AuthenticationSettings(static=parse(FILE, "tokens"))).start()
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}

        async def who(token: str) -> dict[str, object] | int:
            status, answer = await world.ask("POST", WHO, review, who=None, authorization=f"Bearer {token}")
            return answer["status"]["userInfo"] if status == 201 else status

        groups = ["developers", "testers", "system:authenticated"]
        assert await who("s3cret") == {"username": "jane", "uid": "42", "groups": groups}
        assert await who("other") == {"username": "joe", "uid": "7", "groups": ["system:authenticated"]}
        assert (await who("quoted,token"))["username"] == "max"  # type: ignore[index]
        assert await who("s3cre") == 401 and await who("") == 401 and await who("jane") == 401
        token = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": "other"}}
        _, review = await world.ask("POST", "/apis/authentication.k8s.io/v1/tokenreviews", token)
        assert review["status"]["user"]["username"] == "joe"

    asyncio.run(run())


def test_the_last_of_two_equal_tokens_counts_and_empty_ones_do_not() -> None:
    found = parse(b"a,one,1\na,two,2\n,three,3\n", "tokens")
    assert [user.name for user in found.values()] == ["two"]


@pytest.mark.parametrize(
    ("text", "why"),
    [(b"a,b\n", "record 1: .* at least 3 columns"), (b"\xff,b,c\n", "not UTF-8"), (b'"a,b,c\n', "tokens: ")],
)
def test_files_that_cannot_be_used(text: bytes, why: str) -> None:
    with pytest.raises(ConfigurationProblem, match=why) as refused:
        parse(text, "tokens")
    assert "a,b" not in str(refused.value)


def test_it_is_given_as_other_files_are(tmp_path: Path) -> None:
    config = Config("test", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    (tmp_path / "tokens").write_bytes(FILE)
    adopt(config, next(given for given in FILES if given.option == "--token-auth-file"), tmp_path / "tokens")
    assert access.token_file_path(config).stat().st_mode & 0o777 == 0o600
    assert len(access.authentication_of(config).static) == 3
