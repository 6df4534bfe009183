"""Who is believed and who may what in a cluster, beside what is built in: files of the data directory, given to
``podo up``.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from podo.admission.configuration import AdmissionSettings
from podo.authn.settings import AuthenticationSettings
from podo.authz.settings import AuthorizationSettings
from podo.client import kubeconfig
from podo.cluster.config import Config


def authentication_path(config: Config) -> Path:
    return Path(config.data_dir) / "authentication.yaml"


def authentication_webhook_path(config: Config) -> Path:
    return Path(config.data_dir) / "authentication-webhook.kubeconfig"


def token_file_path(config: Config) -> Path:
    return Path(config.data_dir) / "token-auth.csv"


def admission_path(config: Config) -> Path:
    return Path(config.data_dir) / "admission.yaml"


def admission_of(config: Config) -> AdmissionSettings:
    """Raises ConfigurationProblem, which names the file."""
    path = admission_path(config)
    if not path.exists():
        return AdmissionSettings()
    from podo.admission.configuration import parse

    return parse(path.read_bytes(), str(path))


def authorization_path(config: Config) -> Path:
    return Path(config.data_dir) / "authorization.yaml"


def authorization_policies_path(config: Config) -> Path:
    return Path(config.data_dir) / "authorization-policies.jsonl"


def issuer_of(config: Config) -> str:
    """Who issues the cluster's own tokens."""
    return f"https://kubernetes.default.svc.{config.cluster_domain}"


def authentication_of(config: Config) -> AuthenticationSettings:
    """Raises ConfigurationProblem or ValueError, which name the file."""
    path, webhook = authentication_path(config), authentication_webhook_path(config)
    found = AuthenticationSettings()
    if path.exists():
        from podo.authn.configuration import parse

        found = parse(path.read_bytes(), str(path), taken=(issuer_of(config),))
    if (static := token_file_path(config)).exists():
        from podo.authn import tokenfile

        found = replace(found, static=tokenfile.parse(static.read_bytes(), str(static)))
    return replace(found, webhook=kubeconfig.read(webhook)) if webhook.exists() else found


def authorization_of(config: Config) -> AuthorizationSettings:
    """Raises ConfigurationProblem or PolicyProblem, which name the file."""
    path, policies = authorization_path(config), authorization_policies_path(config)
    if not path.exists():
        return AuthorizationSettings()
    from podo.authz import abac, configuration

    found = configuration.parse(path.read_bytes(), str(path))
    if not policies.exists():
        if "ABAC" in found.order:
            raise configuration.ConfigurationProblem(f"{path}: ABAC needs policies: --authorization-policy-file")
        return found
    return replace(found, policies=abac.parse(policies.read_bytes(), str(policies)))
