"""Files of settings that ``podo up`` is given: each is checked, then kept in the data directory with mode 0600, where
the server reads it at its next start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from podo.cluster import access, encryption
from podo.cluster.config import Config, ConfigProblem
from podo.cluster.layout import write_atomically


@dataclass(frozen=True, slots=True)
class Given:
    """``option`` of ``podo up``; ``check(document, where)`` raises for what cannot be used; ``path`` is where it is
    kept; ``read`` gets the document from what the user has named."""

    option: str
    help: str
    check: Callable[[bytes, str], Any]
    path: Callable[[Config], Path]
    read: Callable[[Path], bytes] = Path.read_bytes
    #: Of no use in a cluster with real nodes.
    only_simulated: bool = False
    #: Does a running server take a newer file up (``rereading``)?
    reread: bool = False


def _check_audit_policy(document: bytes, where: str) -> None:
    from podo.apiserver.audit.policy import parse

    parse(document, where)


def _check_kubeconfig(document: bytes, where: str) -> None:
    from podo.client import kubeconfig

    kubeconfig.read(Path(where))


def _check_pod_security(document: bytes, where: str) -> None:
    from podo.cluster.podsecurity import parse

    parse(document, where)


def _check_encryption(document: bytes, where: str) -> None:
    from podo.storage.sealing import parse

    parse(document, where)


def _check_scheduler(document: bytes, where: str) -> None:
    from podo.scheduler.configuration import parse

    parse(document, where)


def _check_authentication(document: bytes, where: str) -> None:
    from podo.authn.configuration import parse
    from podo.authn.tokens import ISSUER

    parse(document, where, taken=(ISSUER,))


def _check_admission(document: bytes, where: str) -> None:
    from podo.admission.configuration import parse

    parse(document, where)


def _check_token_file(document: bytes, where: str) -> None:
    from podo.authn.tokenfile import parse

    parse(document, where)


def _check_stages(document: bytes, where: str) -> None:
    from podo.node.stages.reading import parse

    parse(document, where)


def _read_stages(file: Path) -> bytes:
    from podo.node.stages.reading import read

    return read(file)


def _check_authorization(document: bytes, where: str) -> None:
    from podo.authz.configuration import parse

    parse(document, where)


def _check_authorization_policies(document: bytes, where: str) -> None:
    from podo.authz.abac import parse

    parse(document, where)


def scheduler_path(config: Config) -> Path:
    return Path(config.data_dir) / "scheduler.yaml"


FILES = (
    Given(
        "--audit-policy",
        "an audit.k8s.io/v1 Policy (default: every write, and who was refused)",
        _check_audit_policy,
        lambda config: Path(config.data_dir) / "audit-policy.yaml",
    ),
    Given(
        "--audit-webhook",
        "a kubeconfig of a server that is to get audit events too",
        _check_kubeconfig,
        lambda config: Path(config.data_dir) / "audit-webhook.kubeconfig",
    ),
    Given(
        "--pod-security",
        "a PodSecurityConfiguration: defaults and exemptions",
        _check_pod_security,
        lambda config: Path(config.data_dir) / "pod-security.yaml",
    ),
    Given(
        "--admission-config",
        "an AdmissionConfiguration: who is asked about images (ImagePolicyWebhook)",
        _check_admission,
        access.admission_path,
    ),
    Given(
        "--encryption-config",
        "an EncryptionConfiguration (default: Secrets under a key of the cluster's own)",
        _check_encryption,
        encryption.path,
        reread=True,
    ),
    Given(
        "--authentication-config",
        "an AuthenticationConfiguration: issuers of JSON Web Tokens, anonymous requests",
        _check_authentication,
        access.authentication_path,
        reread=True,
    ),
    Given(
        "--authentication-webhook",
        "a kubeconfig of a server that is asked whose a token is",
        _check_kubeconfig,
        access.authentication_webhook_path,
    ),
    Given(
        "--token-auth-file",
        'static tokens: lines of token,user,uid,"group1,group2"; they never expire',
        _check_token_file,
        access.token_file_path,
    ),
    Given(
        "--authorization-config",
        "an AuthorizationConfiguration: authorizers in their order (default: Node, RBAC)",
        _check_authorization,
        access.authorization_path,
        reread=True,
    ),
    Given(
        "--authorization-policy-file",
        "policies of the authorizer ABAC, one a line",
        _check_authorization_policies,
        access.authorization_policies_path,
    ),
    Given(
        "--scheduler-config",
        "a KubeSchedulerConfiguration: profiles, plug-ins, extenders",
        _check_scheduler,
        scheduler_path,
    ),
    Given(
        "--stages",
        "how pods behave on simulated nodes: a file, a directory, or fast, realistic, flaky",
        _check_stages,
        lambda config: config.layout.stages,
        _read_stages,
        only_simulated=True,
    ),
)


def adopt(config: Config, given: Given, file: Path) -> None:
    """Raises ConfigProblem for a file that cannot be read or used."""
    if given.only_simulated and config.runtime != "simulated":
        raise ConfigProblem(f"{given.option}: the nodes of cluster {config.name} are not simulated")
    try:
        document = given.read(file)
        given.check(document, str(file))
    except OSError as failure:
        raise ConfigProblem(f"{given.option} {file}: {failure.strerror}") from failure
    except Exception as problem:
        raise ConfigProblem(str(problem)) from problem
    write_atomically(given.path(config), document)
