"""Files of settings that ``podo up`` is given: kept where the server finds them, refused where they are of no use."""

from __future__ import annotations

from pathlib import Path

import pytest

from podo.admission.podsecurity.policy import Rule
from podo.cluster import auditing, encryption, podsecurity
from podo.cluster.config import Config, ConfigProblem
from podo.cluster.givenfiles import FILES, adopt

BY_OPTION = {given.option: given for given in FILES}
AUDIT = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Metadata}]\n"
POD_SECURITY = """\
apiVersion: pod-security.admission.config.k8s.io/v1
kind: PodSecurityConfiguration
defaults: {enforce: baseline, enforce-version: v1.30}
exemptions: {namespaces: [kube-system], usernames: [jane]}
"""
KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
ENCRYPTION = f"""\
kind: EncryptionConfiguration
resources:
- resources: [secrets, configmaps]
  providers: [{{aesgcm: {{keys: [{{name: mine, secret: {KEY}}}]}}}}]
"""


def given(directory: Path, option: str, text: str) -> Config:
    config = Config("test", str(directory / "data"))
    (directory / "data").mkdir()
    (directory / "file").write_text(text)
    adopt(config, BY_OPTION[option], directory / "file")
    kept = BY_OPTION[option].path(config)
    assert kept.stat().st_mode & 0o777 == 0o600
    return config


def test_an_audit_policy(tmp_path: Path) -> None:
    config = given(tmp_path, "--audit-policy", AUDIT)
    assert len(auditing.policy_of(config).rules) == 1
    assert BY_OPTION["--audit-policy"].path(config) == auditing.policy_path(config)
    assert BY_OPTION["--audit-webhook"].path(config) == auditing.webhook_path(config)


def test_pod_security(tmp_path: Path) -> None:
    config = given(tmp_path, "--pod-security", POD_SECURITY)
    found = podsecurity.load(config)
    assert found.defaults.enforce == Rule("baseline", "v1.30") and found.defaults.warn == Rule()
    assert found.namespaces == {"kube-system"} and found.usernames == {"jane"}


def test_encryption(tmp_path: Path) -> None:
    config = given(tmp_path, "--encryption-config", ENCRYPTION)
    encryption.ensure(config)  # what was given stays
    sealing = encryption.load(config)
    assert sealing is not None and sealing.seal("/core/configmaps/a/b", b"{}").startswith(b"k8s:enc:aesgcm:v1:mine:")


@pytest.mark.parametrize(
    ("option", "text", "why"),
    [
        ("--audit-policy", "kind: Policy", "must be a Policy of audit.k8s.io/v1"),
        ("--audit-webhook", "{}", "contexts has no"),
        ("--pod-security", "kind: PodSecurityConfiguration\ndefaults: {enforce: strict}", "must be one of privileged"),
        (
            "--pod-security",
            "kind: PodSecurityConfiguration\ndefaults: {strict: baseline}",
            "defaults.strict is none of",
        ),
        ("--pod-security", "kind: PodSecurityConfiguration\nexemptions: {namespaces: a}", "must be a list of names"),
        ("--encryption-config", "kind: EncryptionConfiguration", "must be lists"),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, option: str, text: str, why: str) -> None:
    with pytest.raises(ConfigProblem, match=why):
        given(tmp_path, option, text)
    assert not list((tmp_path / "data").iterdir())


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigProblem, match="No such file"):
        adopt(Config("test", str(tmp_path)), FILES[0], tmp_path / "nothing")
