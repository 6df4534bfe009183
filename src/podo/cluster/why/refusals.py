"""Who refused what a controller wanted to make: a quota, a webhook, a policy, Pod Security, a missing service account.
Read from the words in which the API server refuses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from podo.api.meta import name_of
from podo.cluster.why.finding import Finding, Picture

_WEBHOOKS = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")
_Found = Callable[[re.Match[str], str, Picture], Finding]


def causes(texts: Iterable[str], namespace: str, picture: Picture) -> Iterator[Finding]:
    """Each refuser once."""
    seen: set[str] = set()
    for text in texts:
        for pattern, finding in _PATTERNS:
            if (match := pattern.search(text)) is None:
                continue
            found = finding(match, namespace, picture)
            if found.about not in seen:
                seen.add(found.about)
                yield found
            break


def _quota(match: re.Match[str], namespace: str, picture: Picture) -> Finding:
    name, requested, used, limited = match.groups()
    says = [f"allows {limited}; {used} was used, and {requested} more is asked for"]
    quota = picture.get("ResourceQuota", namespace, name)
    if quota is not None:
        status = quota.get("status") or {}
        hard, now = status.get("hard") or {}, status.get("used") or {}
        says.append("now: " + ", ".join(f"{each} {now.get(each, '0')} of {hard[each]}" for each in sorted(hard)))
    return Finding(f"ResourceQuota {namespace}/{name}", tuple(says))


def _quota_must(match: re.Match[str], namespace: str, picture: Picture) -> Finding:
    name, what = match.groups()
    return Finding(f"ResourceQuota {namespace}/{name}", (f"counts what containers must say: {what}",))


def _denied(match: re.Match[str], namespace: str, picture: Picture) -> Finding:
    name, why = match.groups()
    return Finding(_configured(name, picture), (f"denied the request: {why.strip(': ') or 'without a reason'}",))


def _not_called(match: re.Match[str], namespace: str, picture: Picture) -> Finding:
    name, why = match.groups()
    hint = "with failurePolicy Fail nothing is let through until it answers"
    return Finding(_configured(name, picture), (f"cannot be called: {why.strip()}", hint))


def _configured(name: str, picture: Picture) -> str:
    """The webhook with the configuration that names it."""
    for kind in _WEBHOOKS:
        for each in picture.all(kind):
            if any(hook.get("name") == name for hook in each.get("webhooks") or ()):
                return f"webhook {name} of {kind} {name_of(each)}"
    return f"webhook {name}"


def _policy(match: re.Match[str], namespace: str, picture: Picture) -> Finding:
    policy, binding, why = match.groups()
    return Finding(f"ValidatingAdmissionPolicy {policy}", (f"denied the request by its binding {binding}: {why}",))


def _pod_security(match: re.Match[str], namespace: str, picture: Picture) -> Finding:
    level, why = match.groups()
    return Finding(f"Namespace {namespace}", (f"enforces Pod Security {level}: {why}",))


def _account(match: re.Match[str], namespace: str, picture: Picture) -> Finding:
    return Finding(f"ServiceAccount {match[1]}", ("does not exist",))


_PATTERNS: tuple[tuple[re.Pattern[str], _Found], ...] = (
    (re.compile(r"exceeded quota: ([^,]+), requested: (\S+), used: (\S+), limited: (\S+)"), _quota),
    (re.compile(r"failed quota: ([^:]+): (must specify [^;]+)"), _quota_must),
    (re.compile(r'admission webhook "([^"]+)" denied the request(: .*| without explanation)?', re.DOTALL), _denied),
    (re.compile(r'failed calling webhook "([^"]+)": (.*)', re.DOTALL), _not_called),
    (re.compile(r"ValidatingAdmissionPolicy '([^']+)' with binding '([^']+)' denied request: (.*)"), _policy),
    (re.compile(r'violates PodSecurity ("[^"]+"): (.*)'), _pod_security),
    (re.compile(r"error looking up service account ([^:]+): serviceaccount"), _account),
)
