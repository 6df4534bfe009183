"""In whose name this server speaks to extension API servers: the front proxy's certificate, and the user in headers
that they believe from whoever shows it.

Source: "Authenticating Proxy" of the Kubernetes documentation.
"""

from __future__ import annotations

from urllib.parse import quote

from podo.api.encoding import dumps
from podo.api.kind import Obj
from podo.api.parts.systemnames import MASTERS
from podo.authn.user import User

USER, GROUP, UID, EXTRA = "X-Remote-User", "X-Remote-Group", "X-Remote-Uid", "X-Remote-Extra-"
#: The common name of the front proxy's certificate.
FRONT_PROXY = "front-proxy-client"
#: As whom this server itself asks: for discovery and documents.
AGGREGATOR = User("system:kube-aggregator", (MASTERS,))


def headers_of(user: User) -> list[tuple[str, str]]:
    """The user as request headers; a group or a value of extra has one each."""
    found = [(USER, user.name), *((GROUP, group) for group in user.groups)]
    if user.uid:
        found.append((UID, user.uid))
    for key, values in user.extra:
        name = EXTRA + quote(key.lower(), safe="!#$&'*+-.^_`|~")
        found += [(name, value) for value in values]
    return [(name, _line(value)) for name, value in found]


def _line(value: str) -> str:
    """A header's value: UTF-8 octets, as upstream's, and nothing that would end the line."""
    return "".join(" " if octet < " " else octet for octet in value.encode().decode("latin-1"))


def authentication_configmap(client_ca: str, front_proxy_ca: str) -> Obj:
    """``kube-system/extension-apiserver-authentication``: what an extension API server must believe."""
    data = {"client-ca-file": client_ca} if client_ca else {}
    if front_proxy_ca:
        data |= {
            "requestheader-allowed-names": _list(FRONT_PROXY),
            "requestheader-client-ca-file": front_proxy_ca,
            "requestheader-extra-headers-prefix": _list(EXTRA),
            "requestheader-group-headers": _list(GROUP),
            "requestheader-uid-headers": _list(UID),
            "requestheader-username-headers": _list(USER),
        }
    metadata = {"name": "extension-apiserver-authentication", "namespace": "kube-system"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def _list(value: str) -> str:
    return dumps([value]).decode()
