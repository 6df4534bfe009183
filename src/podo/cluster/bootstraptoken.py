"""The objects behind ``podo token``: the Secret of a bootstrap token, the ConfigMap kube-public/cluster-info, and who
may read it.

Source: "Authenticating with Bootstrap Tokens" of the Kubernetes documentation.
"""

from __future__ import annotations

import base64
import string
from collections.abc import Sequence

from podo.api.kind import Obj
from podo.authn.bootstrapsecret import NAMESPACE, PREFIX, TYPE
from podo.cluster.config import Config
from podo.runtime.chance import Chance
from podo.values import timestamp

_LETTERS = string.ascii_lowercase + string.digits
_RBAC = "rbac.authorization.k8s.io"
_READER = "kubeadm:bootstrap-signer-clusterinfo"


def made(chance: Chance) -> str:
    """A new token: id and secret. ``chance`` must be the machine's entropy."""
    identity, secret = ("".join(_LETTERS[chance.below(len(_LETTERS))] for _ in range(size)) for size in (6, 16))
    return f"{identity}.{secret}"


def secret_of(token: str, *, usages: Sequence[str], groups: Sequence[str], expires: float | None, about: str) -> Obj:
    """``expires``: seconds since the epoch, None for never."""
    identity, _, secret = token.partition(".")
    data = {"token-id": identity, "token-secret": secret, "description": about, "auth-extra-groups": ",".join(groups)}
    data |= {f"usage-bootstrap-{usage}": "true" for usage in usages}
    if expires is not None:
        data["expiration"] = timestamp.time(expires)
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items() if value}
    metadata = {"name": PREFIX + identity, "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": TYPE, "data": encoded}


def cluster_info(config: Config) -> Obj:
    """A kubeconfig without any user: where the API server is, and its CA. The bootstrap signer signs it."""
    import yaml

    ca = base64.b64encode((config.layout.pki / "ca.crt").read_bytes()).decode()
    cluster = {"certificate-authority-data": ca, "server": config.node_server_url}
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"cluster": cluster, "name": ""}],
        "contexts": None,
        "current-context": "",
        "users": None,
    }
    metadata = {"name": "cluster-info", "namespace": "kube-public"}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata,
        "data": {"kubeconfig": yaml.safe_dump(kubeconfig)},
    }


def readers() -> list[Obj]:
    """Everybody, also anonymous, may read the ConfigMap: before the first token there is nothing to be read."""
    kind = {"apiVersion": f"{_RBAC}/v1", "metadata": {"name": _READER, "namespace": "kube-public"}}
    rule = {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["cluster-info"], "verbs": ["get"]}
    reference = {"apiGroup": _RBAC, "kind": "Role", "name": _READER}
    subject = {"apiGroup": _RBAC, "kind": "User", "name": "system:anonymous"}
    return [
        {**kind, "kind": "Role", "rules": [rule]},
        {**kind, "kind": "RoleBinding", "roleRef": reference, "subjects": [subject]},
    ]
