"""The fields of an AuthenticationConfiguration (apiserver.config.k8s.io/v1) as they are written: types and names only.

Source: "Configuration API" of the Kubernetes documentation.
"""

from __future__ import annotations

import msgspec


class Issuer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    url: str = ""
    discoveryURL: str = ""
    certificateAuthority: str = ""
    audiences: tuple[str, ...] = ()
    audienceMatchPolicy: str = ""
    egressSelectorType: str = ""


class PrefixedClaim(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    claim: str = ""
    prefix: str | None = None
    expression: str = ""


class ClaimOrExpression(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    claim: str = ""
    expression: str = ""


class Extra(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    key: str = ""
    valueExpression: str = ""


class ClaimMappings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    username: PrefixedClaim = PrefixedClaim()
    groups: PrefixedClaim = PrefixedClaim()
    uid: ClaimOrExpression = ClaimOrExpression()
    extra: tuple[Extra, ...] = ()


class ClaimRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    claim: str = ""
    requiredValue: str = ""
    expression: str = ""
    message: str = ""


class UserRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    expression: str = ""
    message: str = ""


class Jwt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    issuer: Issuer = Issuer()
    claimValidationRules: tuple[ClaimRule, ...] = ()
    claimMappings: ClaimMappings = ClaimMappings()
    userValidationRules: tuple[UserRule, ...] = ()


class AnonymousCondition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    path: str = ""


class AnonymousConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    enabled: bool = False
    conditions: tuple[AnonymousCondition, ...] = ()


class AuthenticationConfiguration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    apiVersion: str = ""
    kind: str = ""
    jwt: tuple[Jwt, ...] = ()
    anonymous: AnonymousConfig | None = None
