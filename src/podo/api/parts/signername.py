"""Names of signers (``example.com/signer``), names of the trust bundles of one, and what a pod may tell one.

Source: the API documents of ClusterTrustBundle and PodCertificateRequest (certificates.k8s.io/v1).
"""

from __future__ import annotations

from typing import Any

from podo.api.metadata_rules import check_annotations_size
from podo.api.rules import Found, invalid, required, too_long
from podo.values import names

#: The domain and the path, each with a label's length and a dot for the namespaced form, and the slash.
_DOMAIN_MAX = names.SUBDOMAIN_MAX
_PATH_MAX = names.SUBDOMAIN_MAX + names.LABEL_MAX + 1
_MAX = _DOMAIN_MAX + _PATH_MAX + 1
KUBERNETES = "kubernetes.io"
#: The signers that a cluster has by itself.
KUBE_APISERVER_CLIENT = "kubernetes.io/kube-apiserver-client"
KUBELET_CLIENT = "kubernetes.io/kube-apiserver-client-kubelet"
KUBELET_SERVING = "kubernetes.io/kubelet-serving"
#: How long a pod's certificate may be asked for, seconds.
SHORTEST_SECONDS, LONGEST_SECONDS, LONGEST_OF_KUBERNETES = 3600, 91 * 86400, 86400


def check_signer_name(path: str, signer: str, found: Found) -> None:
    """A domain of two labels at least, a slash, and a path of dotted labels."""
    if not signer:
        found.append(required(path))
        return
    domain, slash, rest = signer.partition("/")
    if not slash or "/" in rest:
        why = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        found.append(invalid(path, signer, why))
        return
    if len(domain) > _DOMAIN_MAX:
        found.append(too_long(path, _DOMAIN_MAX))
    _check_labels(path, domain, names.label, found)
    if "." not in domain:
        found.append(invalid(path, domain, "should be a domain with at least two segments separated by dots"))
    _check_labels(path, rest, names.subdomain, found)
    if len(signer) > _MAX:
        found.append(too_long(path, _MAX))


def _check_labels(path: str, dotted: str, rule: names.Rule, found: Found) -> None:
    """At the first that is wrong it ends."""
    for label in dotted.split("."):
        if messages := rule(label):
            found.extend(invalid(path, dotted, f'validating label "{label}": {message}') for message in messages)
            return


def is_of_kubernetes(signer: str) -> bool:
    """Is the signer Kubernetes' own, by its domain?"""
    domain = signer.partition("/")[0]
    return domain == KUBERNETES or domain.endswith(f".{KUBERNETES}")


def check_certificate_seconds(path: str, signer: str, seconds: int | None, found: Found) -> None:
    """An hour to 91 days; of Kubernetes' own signers at most a day."""
    if seconds is None:
        found.append(required(path, "must be set"))
        return
    longest = LONGEST_OF_KUBERNETES if is_of_kubernetes(signer) else LONGEST_SECONDS
    if not SHORTEST_SECONDS <= seconds <= longest:
        found.append(invalid(path, seconds, f"must be in the range [{SHORTEST_SECONDS}, {longest}]"))


def bundle_name_problems(signer: str, name: str) -> list[str]:
    """What is wrong with the name of a ClusterTrustBundle for ``signer`` ("": for none)."""
    if not signer:
        if ":" in name:
            return ['ClusterTrustBundle without signer name must not have ":" in its name']
        return names.subdomain(name)
    prefix = signer.replace("/", ":") + ":"
    if not name.startswith(prefix):
        return [f"ClusterTrustBundle for signerName {signer} must be named with prefix {prefix}"]
    return names.subdomain(name[len(prefix) :])


def signer_in(name: str) -> str:
    """The signer that a bundle's name is for: ``example.com:signer:web`` gives ``example.com/signer``; "" for none."""
    prefix, colon, _ = name.rpartition(":")
    return prefix.replace(":", "/") if colon else ""


def check_user_annotations(path: str, annotations: dict[str, Any], found: Found) -> None:
    """What a pod tells its signer: like annotations, with a domain before each key."""
    for key in map(str.lower, annotations):
        if not key:
            found.append(required(path))
        elif messages := names.qualified_name(key):
            found.extend(invalid(path, key, message) for message in messages)
        elif "/" not in key:
            found.append(invalid(path, key, 'must be a domain-prefixed key (such as "acme.io/foo")'))
    check_annotations_size(annotations, path, found)
