"""From the claims of a token to a user: rules that claims must keep, claims or CEL expressions that name the user,
rules that the user must keep.

Source: "Authentication configuration from a file" of the Kubernetes documentation; KEP-3331.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from podo.api.kind import Problem
from podo.api.rules import Found, invalid, required
from podo.authn.jwt.wire import ClaimRule, Jwt, PrefixedClaim, UserRule
from podo.authn.method import Rejected
from podo.authn.user import AUTHENTICATED, User
from podo.cel.budget import Budget, BudgetExceeded
from podo.cel.declared import STRING, Declared
from podo.cel.environment import Environment
from podo.cel.messages import Messages
from podo.cel.program import CompileError, Program, compile
from podo.cel.values import CelError

_TEXT, _TEXTS, _BOOL = ("string",), ("string", "list<string>"), ("bool",)
_KEY = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[a-z0-9._~!$&'()*+,;=:@/-]+")
_VERIFIED = re.compile(r"\bclaims\b.*\bemail_verified\b", re.DOTALL)
_EMAIL = re.compile(r"claims\.\??email\b|claims\[\??['\"]email['\"]\]")


class ClaimsProblem(ValueError):
    """What is wrong with the mappings or rules of an issuer; paths are below it."""

    def __init__(self, problems: Found) -> None:
        super().__init__("; ".join(map(str, problems)))
        self._problems = problems

    def found(self, path: str) -> Found:
        return [Problem(f"{path}.{one.path}", one.reason, one.message) for one in self._problems]


@cache
def _of_claims() -> Environment:
    return Environment({"claims": "map<string, dyn>"})


@cache
def _of_user() -> Environment:
    messages = Messages()
    texts = Declared("list", item=STRING)
    fields = {"username": STRING, "uid": STRING, "groups": texts, "extra": Declared("map", item=texts)}
    found = {"user": messages.type_of(Declared("object", fields), "UserInfo")}
    return Environment(found, (messages.descriptor,))


class _Compiler:
    """Compiles the expressions of one issuer, and keeps what is wrong with them."""

    def __init__(self) -> None:
        self.problems: Found = []

    def program(self, expression: str, path: str, wanted: tuple[str, ...], within: Environment) -> Program | None:
        if not expression.strip():
            return None
        try:
            program = compile(expression.strip(), within)
        except CompileError as problem:
            self.problems.append(invalid(path, expression, f"compilation failed: {problem}"))
            return None
        if program.result not in (*wanted, "dyn", "list<dyn>" if "list<string>" in wanted else ""):
            self.problems.append(invalid(path, expression, f"must evaluate to {' or '.join(wanted)}"))
        return program


class Claims:
    """``user_of(claims)`` is the user that verified claims name. Raises ClaimsProblem when made."""

    def __init__(self, jwt: Jwt) -> None:
        compiler = _Compiler()
        mappings = jwt.claimMappings
        self._username = _Mapped(mappings.username, "claimMappings.username", _TEXT, compiler)
        self._groups = _Mapped(mappings.groups, "claimMappings.groups", _TEXTS, compiler)
        uid = PrefixedClaim(mappings.uid.claim, "" if mappings.uid.claim else None, mappings.uid.expression)
        self._uid = _Mapped(uid, "claimMappings.uid", _TEXT, compiler)
        if not (mappings.username.claim or mappings.username.expression):
            compiler.problems.append(required("claimMappings.username", "claim or expression is required"))
        self._extra = _extra(jwt, compiler)
        self._rules = [_ClaimCheck(rule, number, compiler) for number, rule in enumerate(jwt.claimValidationRules)]
        self._user_rules = [_user_rule(rule, number, compiler) for number, rule in enumerate(jwt.userValidationRules)]
        _check_email(jwt, compiler.problems)
        if compiler.problems:
            raise ClaimsProblem(compiler.problems)

    def user_of(self, claims: Mapping[str, Any]) -> User:
        """Raises Rejected."""
        budget = Budget()
        for check in self._rules:
            check(claims, budget)
        name = self._username.text(claims, budget)
        if not name:
            raise Rejected("the username is empty")
        if self._username.claim == "email" and claims.get("email_verified", True) is not True:
            raise Rejected("oidc: email not verified")
        groups = self._groups.texts(claims, budget)
        uid = self._uid.text(claims, budget) if self._uid.is_set else ""
        extra = [(key, tuple(_texts(_value(program, claims, budget), key))) for key, program in self._extra]
        known = tuple(sorted((key, values) for key, values in extra if values))
        found = User(name, (*groups, *(() if AUTHENTICATED in groups else (AUTHENTICATED,))), uid, known)
        self._check_user(User(name, tuple(groups), uid, known), budget)
        return found

    def _check_user(self, user: User, budget: Budget) -> None:
        info = {"username": user.name, "uid": user.uid, "groups": list(user.groups)}
        extra = {key: list(values) for key, values in user.extra}
        for program, message in self._user_rules:
            if program is not None and _run(program, {"user": {**info, "extra": extra}}, budget) is not True:
                raise Rejected(message)


class _Mapped:
    """A claim with a prefix, or an expression."""

    def __init__(self, mapped: PrefixedClaim, path: str, wanted: tuple[str, ...], compiler: _Compiler) -> None:
        self.claim, self._prefix = mapped.claim, mapped.prefix or ""
        self._path = path
        self._program = compiler.program(mapped.expression, f"{path}.expression", wanted, _of_claims())
        self.is_set = bool(mapped.claim or mapped.expression)
        if mapped.claim and mapped.expression:
            compiler.problems.append(invalid(path, "", "claim and expression can't both be set"))
        elif mapped.claim and mapped.prefix is None:
            text = "prefix is required when claim is set. It can be set to an empty string to disable prefixing"
            compiler.problems.append(required(f"{path}.prefix", text))
        elif mapped.prefix is not None and not mapped.claim:
            compiler.problems.append(invalid(f"{path}.prefix", mapped.prefix, "prefix may only be used with claim"))

    def text(self, claims: Mapping[str, Any], budget: Budget) -> str:
        """A claim must be there and be a text."""
        found = _run(self._program, {"claims": claims}, budget) if self._program else claims.get(self.claim)
        if not isinstance(found, str):
            raise Rejected(f"{self._path} is no string in the token")
        return self._prefix + found

    def texts(self, claims: Mapping[str, Any], budget: Budget) -> list[str]:
        """A claim may be missing, one text or a list of them."""
        if not self.is_set:
            return []
        found = _run(self._program, {"claims": claims}, budget) if self._program else claims.get(self.claim)
        return [self._prefix + one for one in _texts(found, self._path)]


def _texts(found: Any, what: str) -> list[str]:
    values = [found] if isinstance(found, str) else found if found is not None else []
    if not isinstance(values, list) or not all(isinstance(one, str) for one in values):
        raise Rejected(f"{what} is neither a string nor a list of strings in the token")
    return [one for one in values if one]


class _ClaimCheck:
    def __init__(self, rule: ClaimRule, number: int, compiler: _Compiler) -> None:
        path = f"claimValidationRules[{number}]"
        self._rule = rule
        self._program = compiler.program(rule.expression, f"{path}.expression", _BOOL, _of_claims())
        if bool(rule.claim) == bool(rule.expression):
            compiler.problems.append(required(path, "exactly one of claim or expression is required"))
        if rule.claim and rule.message:
            compiler.problems.append(invalid(f"{path}.message", rule.message, "may only be set with expression"))
        if rule.expression and rule.requiredValue:
            compiler.problems.append(invalid(f"{path}.requiredValue", "", "may only be set with claim"))

    def __call__(self, claims: Mapping[str, Any], budget: Budget) -> None:
        rule = self._rule
        if self._program is not None:
            if _run(self._program, {"claims": claims}, budget) is not True:
                raise Rejected(rule.message or f"validation expression '{rule.expression}' failed")
        elif rule.claim not in claims:
            raise Rejected(f"oidc: required claim {rule.claim} not present in ID token")
        elif claims[rule.claim] != rule.requiredValue:
            raise Rejected(f"oidc: required claim {rule.claim} value does not match")


def _user_rule(rule: UserRule, number: int, compiler: _Compiler) -> tuple[Program | None, str]:
    path = f"userValidationRules[{number}].expression"
    if not rule.expression:
        compiler.problems.append(required(path))
    program = compiler.program(rule.expression, path, _BOOL, _of_user())
    return program, rule.message or f"validation expression '{rule.expression}' failed"


def _extra(jwt: Jwt, compiler: _Compiler) -> list[tuple[str, Program]]:
    found: dict[str, Program] = {}
    for number, one in enumerate(jwt.claimMappings.extra):
        path = f"claimMappings.extra[{number}]"
        domain = one.key.partition("/")[0]
        if not _KEY.fullmatch(one.key) or one.key in found:
            text = "must be a lower-case domain-prefixed path (such as example.org/foo), once"
            compiler.problems.append(invalid(f"{path}.key", one.key, text))
        elif domain in ("k8s.io", "kubernetes.io") or domain.endswith((".k8s.io", ".kubernetes.io")):
            compiler.problems.append(invalid(f"{path}.key", one.key, f"{domain} is reserved for Kubernetes use"))
        if not one.valueExpression:
            compiler.problems.append(required(f"{path}.valueExpression"))
        program = compiler.program(one.valueExpression, f"{path}.valueExpression", _TEXTS, _of_claims())
        if program is not None:
            found[one.key] = program
    return list(found.items())


def _check_email(jwt: Jwt, problems: Found) -> None:
    """Who names users by their email must look at whether it is verified."""
    username = jwt.claimMappings.username.expression
    if not _EMAIL.search(username):
        return
    looking = [username, *(one.valueExpression for one in jwt.claimMappings.extra)]
    looking += [rule.expression for rule in jwt.claimValidationRules]
    if not any(_VERIFIED.search(one) for one in looking):
        text = "claims.email_verified must be used in claimMappings.username.expression, claimMappings.extra[*]."
        text += "valueExpression or claimValidationRules[*].expression when claims.email is"
        problems.append(invalid("claimMappings.username.expression", username, text))


def _value(program: Program, claims: Mapping[str, Any], budget: Budget) -> Any:
    return _run(program, {"claims": claims}, budget)


def _run(program: Program, variables: Mapping[str, Any], budget: Budget) -> Any:
    try:
        return program.evaluate(variables, budget)
    except (CelError, BudgetExceeded) as problem:
        raise Rejected(f"expression '{program.source}' resulted in error: {problem}") from None
