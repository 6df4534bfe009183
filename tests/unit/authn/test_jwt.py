"""Structured authentication: JSON Web Tokens of an issuer on loopback, by claims and by expressions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from podo.authn.configuration import ConfigurationProblem, parse
from podo.authn.jwt import keyset
from tests.unit.apiserver.world import World
from tests.unit.authn.issuer import Issuer, encoded
from tests.unit.cel.turns import turns_until

ME = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
PLAIN = {"username": {"claim": "sub", "prefix": "oidc:"}}
BY_RULE = {
    "username": {"expression": "'x:' + claims.sub"},
    "groups": {"expression": "claims.roles.filter(r, r != '').map(r, 'role:' + r)"},
    "uid": {"expression": "claims.?oid.orValue('none')"},
    "extra": [{"key": "example.org/team", "valueExpression": "claims.team"}],
}


def document(url: str, ca: str = "", *, rules: Any = (), users: Any = (), **mappings: Any) -> bytes:
    issuer = {"url": url, "audiences": ["podo", "other"], "audienceMatchPolicy": "MatchAny", "certificateAuthority": ca}
    jwt: dict[str, Any] = {"issuer": issuer, "claimMappings": mappings or PLAIN}
    jwt |= {"claimValidationRules": list(rules), "userValidationRules": list(users)}
    kind = {"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AuthenticationConfiguration"}
    return yaml.safe_dump({**kind, "jwt": [jwt]}).encode()


def with_issuer(tmp_path: Path, test: Callable[[World, Issuer], Awaitable[None]], **options: Any) -> None:
    async def run() -> None:
        issuer = Issuer(tmp_path)
        await issuer.start()
        settings = parse(document(issuer.url, issuer.pki.ca.read_text(), **options), "test")
        world = await World(authentication=settings).start()
        async with asyncio.timeout(60):
            await test(world, issuer)
        await issuer.stop()

    asyncio.run(run())


async def whoami(world: World, token: str) -> tuple[int, Any]:
    status, review = await world.ask("POST", ME, {}, who=None, authorization=f"Bearer {token}")
    return status, review["status"]["userInfo"] if status == 201 else review


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "PS256"])
def test_a_token_of_the_issuer_is_believed(tmp_path: Path, algorithm: str) -> None:
    async def test(world: World, issuer: Issuer) -> None:
        status, user = await whoami(world, issuer.sign(algorithm, jti="7"))
        assert status == 201 and user["username"] == "oidc:ann" and user["groups"] == ["system:authenticated"]
        assert user["extra"] == {"authentication.kubernetes.io/credential-id": ["JTI=7"]}
        assert (await whoami(world, issuer.sign(algorithm)))[0] == 201
        assert issuer.asked == ["/.well-known/openid-configuration", "/keys"]  # once

    with_issuer(tmp_path, test)


def test_what_is_not_right_is_refused(tmp_path: Path) -> None:
    async def test(world: World, issuer: Issuer) -> None:
        now = int(time.time())
        good = issuer.sign()
        head, claims, signature = good.split(".")
        none = encoded(b'{"alg":"none"}')
        wrong = {
            "expired": issuer.sign(exp=now - 1),
            "not yet": issuer.sign(nbf=now + 600),
            "no end": issuer.sign(exp=None),
            "for others": issuer.sign(aud=["elsewhere"]),
            "for nobody": issuer.sign(aud=None),
            "no subject": issuer.sign(sub=None),
            "empty subject is no name": issuer.sign(sub=7),
            "unsigned": f"{none}.{claims}.",
            "another's claims": f"{head}.{issuer.sign(sub='root').split('.')[1]}.{signature}",
            "another algorithm": issuer.sign(head={"alg": "ES256"}),
            "symmetric": issuer.sign(head={"alg": "HS256"}),
            "critical": issuer.sign(head={"crit": ["x"]}),
            "another issuer": issuer.sign(iss="https://elsewhere.example"),
        }
        for what, token in wrong.items():
            assert (await whoami(world, token))[0] == 401, what
        assert (await whoami(world, issuer.sign(nbf=now + 60)))[0] == 201  # its clock may be ahead

    with_issuer(tmp_path, test)


def test_new_keys_are_found_when_a_token_names_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(world: World, issuer: Issuer) -> None:
        old = issuer.sign()
        assert (await whoami(world, old))[0] == 201
        issuer.rotate()
        assert (await whoami(world, issuer.sign()))[0] == 401  # asked a moment ago: not again so soon
        fetched = len(issuer.asked)
        monkeypatch.setattr(keyset, "PAUSE_SECONDS", 0.0)
        assert (await whoami(world, issuer.sign()))[0] == 201
        assert len(issuer.asked) == fetched + 2
        assert (await whoami(world, old))[0] == 401

    with_issuer(tmp_path, test)


def test_keys_stay_good_while_the_issuer_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(world: World, issuer: Issuer) -> None:
        token = issuer.sign()
        assert (await whoami(world, token))[0] == 201
        fetched = len(issuer.asked)
        monkeypatch.setattr(keyset, "PAUSE_SECONDS", 0.0)
        monkeypatch.setattr(keyset, "KEPT_SECONDS", 0.0)
        issuer.says = {"issuer": "https://elsewhere.example"}  # as a server that stands in for one that is down
        assert (await whoami(world, token))[0] == 201
        assert len(issuer.asked) > fetched
        assert (await whoami(world, issuer.sign(head={"kid": "new"})))[0] == 401

    with_issuer(tmp_path, test)


def test_discovery_must_name_the_issuer(tmp_path: Path) -> None:
    async def test(world: World, issuer: Issuer) -> None:
        issuer.says = {"issuer": "https://elsewhere.example"}
        assert (await whoami(world, issuer.sign()))[0] == 401

    with_issuer(tmp_path, test)


def test_users_by_expressions(tmp_path: Path) -> None:
    async def test(world: World, issuer: Issuer) -> None:
        _, user = await whoami(world, issuer.sign(roles=["dev", ""], team=["web", "db"], oid="u1"))
        assert user["username"] == "x:ann" and user["uid"] == "u1"
        assert user["groups"] == ["role:dev", "system:authenticated"]
        assert user["extra"] == {"example.org/team": ["web", "db"]}
        assert (await whoami(world, issuer.sign(team="web")))[0] == 401  # no roles: the expression fails

    with_issuer(tmp_path, test, **BY_RULE)


def test_while_an_expression_works_for_long_others_have_their_turn(tmp_path: Path) -> None:
    async def test(world: World, issuer: Issuer) -> None:
        token = issuer.sign(all=list(range(6)))
        asked = asyncio.ensure_future(whoami(world, token))
        turns = await turns_until(asked)
        status, user = await asked
        assert (status, user["username"]) == (201, "many") and turns > 2

    deep = "claims.all.map(a, claims.all.map(b, claims.all.map(c, claims.all.map(d, claims.all.map(e, a + b + c)))))"
    with_issuer(tmp_path, test, username={"expression": f"{deep}.size() > 0 ? 'many' : 'none'"})


def test_rules_on_claims_and_users(tmp_path: Path) -> None:
    rules = [
        {"claim": "hd", "requiredValue": "example.org"},
        {"expression": "claims.exp - claims.iat <= 3600", "message": "lives too long"},
    ]
    users = [{"expression": "!user.username.startsWith('system:')", "message": "reserved"}]

    async def test(world: World, issuer: Issuer) -> None:
        assert (await whoami(world, issuer.sign(hd="example.org")))[0] == 201
        assert (await whoami(world, issuer.sign()))[0] == 401
        assert (await whoami(world, issuer.sign(hd="example.com")))[0] == 401
        assert (await whoami(world, issuer.sign(hd="example.org", exp=int(time.time()) + 7200)))[0] == 401
        assert (await whoami(world, issuer.sign(hd="example.org", sub="system:admin")))[0] == 401

    mappings = {"username": {"claim": "sub", "prefix": ""}}
    with_issuer(tmp_path, test, rules=rules, users=users, **mappings)


@pytest.mark.parametrize(
    "wrong, words",
    [
        ({"url": "http://x"}, 'jwt[0].issuer.url: Invalid value: "http://x": URL scheme must be https'),
        ({"url": "https://kubernetes.default.svc.cluster.local"}, "URL must not overlap with disallowed issuers"),
        ({"url": "https://x?y"}, "must not contain a query"),
        ({"username": {"claim": "sub"}}, "claimMappings.username.prefix: Required value"),
        ({"username": {"claim": "s", "prefix": "", "expression": "claims.s"}}, "can't both be set"),
        ({"username": {"expression": "1 + 1"}}, "must evaluate to string"),
        ({"username": {"expression": "claims."}}, "compilation failed"),
        ({"username": {"expression": "claims.email"}}, "claims.email_verified must be used"),
        ({"groups": {"expression": "claims.x == 1"}}, "must evaluate to string or list<string>"),
        ({"extra": [{"key": "kubernetes.io/x", "valueExpression": "claims.x"}]}, "reserved"),
        ({"extra": [{"key": "Team", "valueExpression": "claims.x"}]}, "domain-prefixed path"),
        ({"rules": [{"claim": "a", "expression": "true"}]}, "exactly one of"),
        ({"users": [{"expression": "user.nonsense == ''"}]}, "compilation failed"),
        ({"nonsense": {}}, "unknown field `nonsense`"),
        ({"ca": "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----"}, "data does not contain any valid PEM"),
        ({"ca": "é"}, "data does not contain any valid PEM"),
    ],
)
def test_a_configuration_that_cannot_be_used_says_why(wrong: dict[str, Any], words: str) -> None:
    given = {"url": "https://issuer.example", **PLAIN, **wrong}
    with pytest.raises(ConfigurationProblem) as problem:
        parse(document(given.pop("url"), **given), "file", taken=("https://kubernetes.default.svc.cluster.local",))
    assert words in str(problem.value)


def test_anonymous_requests_to_named_paths_only() -> None:
    kind = {"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AuthenticationConfiguration"}
    settings = parse(
        yaml.safe_dump({**kind, "anonymous": {"enabled": True, "conditions": [{"path": "/livez"}]}}).encode(), "test"
    )

    async def run() -> None:
        world = await World(authentication=settings).start()
        assert (await world.ask("GET", "/livez", who=None))[0] == 200
        assert (await world.ask("GET", "/version", who=None))[0] == 401

    asyncio.run(run())
