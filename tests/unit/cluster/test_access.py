"""What ``podo up`` is told of authentication and authorization reaches the API server as it was meant."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from podo.authz.configuration import ConfigurationProblem
from podo.authz.settings import AuthorizationSettings
from podo.cluster import access
from podo.cluster.config import Config, ConfigProblem
from podo.cluster.givenfiles import FILES, adopt

BY_OPTION = {given.option: given for given in FILES}
VERSION = "apiserver.config.k8s.io/v1"
POLICY = '{"apiVersion": "abac.authorization.kubernetes.io/v1beta1", "kind": "Policy", "spec": {"user": "ann"}}'


def authentication(url: str) -> str:
    issuer = {"url": url, "audiences": ["podo"]}
    jwt = {"issuer": issuer, "claimMappings": {"username": {"claim": "sub", "prefix": "x:"}}}
    return yaml.safe_dump({"apiVersion": VERSION, "kind": "AuthenticationConfiguration", "jwt": [jwt]})


def authorization(*types: str) -> str:
    order = [{"type": one, "name": one.lower()} for one in types]
    return yaml.safe_dump({"apiVersion": VERSION, "kind": "AuthorizationConfiguration", "authorizers": order})


def config_with(folder: Path, **files: str) -> Config:
    config = Config("test", str(folder / "data"))
    config.layout.make()
    for name, text in files.items():
        (folder / "given").write_text(text)
        adopt(config, BY_OPTION[f"--{name.replace('_', '-')}"], folder / "given")
    return config


def test_nothing_given_is_the_default(tmp_path: Path) -> None:
    config = config_with(tmp_path)
    assert access.authentication_of(config).jwt == ()
    assert access.authorization_of(config) == AuthorizationSettings()


def test_issuers(tmp_path: Path) -> None:
    found = access.authentication_of(config_with(tmp_path, authentication_config=authentication("https://i.example")))
    assert [one.issuer.url for one in found.jwt] == ["https://i.example"]
    with pytest.raises(ConfigProblem, match="disallowed issuers"):
        config_with(tmp_path, authentication_config=authentication("https://kubernetes.default.svc.cluster.local"))


def test_a_token_webhook(tmp_path: Path) -> None:
    entry = {"clusters": [{"name": "h", "cluster": {"server": "http://127.0.0.1:1/x"}}], "current-context": "h"}
    entry |= {
        "users": [{"name": "h", "user": {}}],
        "contexts": [{"name": "h", "context": {"cluster": "h", "user": "h"}}],
    }
    found = access.authentication_of(config_with(tmp_path, authentication_webhook=yaml.safe_dump(entry)))
    assert found.webhook is not None and found.webhook.server == "http://127.0.0.1:1/x"


def test_authorizers(tmp_path: Path) -> None:
    config = config_with(tmp_path, authorization_config=authorization("Node", "ABAC"))
    with pytest.raises(ConfigurationProblem, match="authorization-policy-file"):
        access.authorization_of(config)
    config = config_with(tmp_path, authorization_policy_file=POLICY)
    found = access.authorization_of(config)
    assert found.order == ("Node", "ABAC") and found.policies[0].user == "ann"


@pytest.mark.parametrize("option", ["authentication_config", "authorization_config", "authorization_policy_file"])
def test_what_cannot_be_used_is_refused_at_once(tmp_path: Path, option: str) -> None:
    with pytest.raises(ConfigProblem):
        config_with(tmp_path, **{option: "kind: Nonsense"})


def test_everything_below_the_data_directory_is_closed_to_others(tmp_path: Path) -> None:
    config = config_with(tmp_path, authentication_config=authentication("https://i.example"))
    for path in (config.layout.root, *config.layout.root.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path
