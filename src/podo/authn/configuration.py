"""Structured authentication: an AuthenticationConfiguration (apiserver.config.k8s.io), read and checked.

Source: "Authentication configuration from a file" of the Kubernetes documentation; KEP-3331, KEP-4633.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterable
from urllib.parse import urlsplit

from podo.api.configuration import GROUP, ConfigurationProblem, decoded
from podo.api.rules import Found, duplicate, invalid, not_supported, required, too_many
from podo.authn.authentication import Anonymous
from podo.authn.jwt.claims import Claims, ClaimsProblem
from podo.authn.jwt.wire import AuthenticationConfiguration, Issuer, Jwt
from podo.authn.settings import AuthenticationSettings, JwtSettings
from podo.http.tls import client_context

KIND = "AuthenticationConfiguration"
VERSIONS = tuple(f"{GROUP}/{version}" for version in ("v1", "v1beta1", "v1alpha1"))
MOST_ISSUERS = 64
_PATH = re.compile(r"/[A-Za-z0-9._~/-]*")


def parse(document: bytes, where: str, taken: Iterable[str] = ()) -> AuthenticationSettings:
    """``taken``: issuers of the cluster's own tokens, which no other may be. Raises ConfigurationProblem."""
    found = decoded(document, where, AuthenticationConfiguration, KIND, VERSIONS)
    problems: Found = []
    if len(found.jwt) > MOST_ISSUERS:
        problems.append(too_many("jwt", len(found.jwt), MOST_ISSUERS))
    settings = [_jwt(one, f"jwt[{number}]", problems) for number, one in enumerate(found.jwt)]
    _check_distinct(found.jwt, frozenset(taken), problems)
    anonymous = None
    if found.anonymous is not None:
        paths = [condition.path for condition in found.anonymous.conditions]
        for number, path in enumerate(paths):
            if not _PATH.fullmatch(path):
                problems.append(invalid(f"anonymous.conditions[{number}].path", path, "must be an absolute path"))
        if paths and not found.anonymous.enabled:
            problems.append(invalid("anonymous.conditions", paths, "enabled should be set to true when conditions are"))
        anonymous = Anonymous(found.anonymous.enabled, frozenset(paths) or None)
    if problems:
        raise ConfigurationProblem(f"{where}: " + "; ".join(map(str, problems)))
    return AuthenticationSettings(tuple(one for one in settings if one is not None), anonymous)


def _jwt(one: Jwt, path: str, problems: Found) -> JwtSettings | None:
    _check_issuer(one.issuer, f"{path}.issuer", problems)
    try:
        return JwtSettings(one.issuer, Claims(one))
    except ClaimsProblem as problem:
        problems.extend(problem.found(path))
        return None


def _check_issuer(issuer: Issuer, path: str, problems: Found) -> None:
    _check_url(issuer.url, f"{path}.url", problems)
    if issuer.discoveryURL:
        _check_url(issuer.discoveryURL, f"{path}.discoveryURL", problems)
        if issuer.discoveryURL.rstrip("/") == issuer.url.rstrip("/"):
            problems.append(invalid(f"{path}.discoveryURL", issuer.discoveryURL, "must be different from URL"))
    if not issuer.audiences or not all(issuer.audiences):
        problems.append(required(f"{path}.audiences", "at least one audience is required, and none may be empty"))
    if issuer.audienceMatchPolicy not in ("", "MatchAny"):
        problems.append(not_supported(f"{path}.audienceMatchPolicy", issuer.audienceMatchPolicy, ("MatchAny",)))
    elif len(issuer.audiences) > 1 and not issuer.audienceMatchPolicy:
        text = "audienceMatchPolicy must be MatchAny for multiple audiences"
        problems.append(invalid(f"{path}.audienceMatchPolicy", "", text))
    if issuer.certificateAuthority and not _is_authority(issuer.certificateAuthority):
        problems.append(invalid(f"{path}.certificateAuthority", "", "data does not contain any valid PEM certificates"))
    if issuer.egressSelectorType:
        problems.append(invalid(f"{path}.egressSelectorType", issuer.egressSelectorType, "podo has no egress selector"))


def _is_authority(pem: str) -> bool:
    try:
        client_context(ca_data=pem)
    except (ssl.SSLError, TypeError):  # the latter for what is not ASCII
        return False
    return True


def _check_url(url: str, path: str, problems: Found) -> None:
    if not url:
        problems.append(required(path, "URL is required"))
        return
    try:
        parts = urlsplit(url)
        port_is_good = parts.port is None or parts.port > 0
    except ValueError:
        problems.append(invalid(path, url, "not a URL"))
        return
    if parts.scheme != "https" or not parts.hostname or not port_is_good:
        problems.append(invalid(path, url, "URL scheme must be https"))
    if parts.username or parts.password:
        problems.append(invalid(path, "", "URL must not contain a username or password"))
    if parts.query or parts.fragment:
        problems.append(invalid(path, url, "URL must not contain a query or fragment"))


def _check_distinct(jwt: Iterable[Jwt], taken: frozenset[str], problems: Found) -> None:
    urls: set[str] = set()
    for number, one in enumerate(jwt):
        path, url = f"jwt[{number}].issuer.url", one.issuer.url
        if url in taken:
            problems.append(invalid(path, url, f"URL must not overlap with disallowed issuers: {sorted(taken)}"))
        if url in urls:
            problems.append(duplicate(path, url))
        urls.add(url)
