"""What is checked of a CustomResourceDefinition: names, versions, subresources, columns, conversion, and what may not
change once objects may exist.

Source: the documentation of CustomResourceDefinitions; API reference "CustomResourceDefinitionSpec".
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from podo.api.kind import Obj
from podo.api.kinds.apiextensions import version_rules
from podo.api.meta import condition_is_true
from podo.api.parts.webhookclient import check_bundle, check_client
from podo.api.rules import Found, check_immutable, forbidden, invalid, not_supported, required
from podo.values import names

SCOPES = ("Cluster", "Namespaced")
_APPROVAL = "api-approved.kubernetes.io"
_PROTECTED = (".k8s.io", ".kubernetes.io")
_SEE = "see https://github.com/kubernetes/enhancements/pull/1111"


def problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    spec = new["spec"]
    if not (spec.get("names") or {}).get("plural") or new["metadata"].get("name") != _full_name(spec):
        why = 'must be spec.names.plural+"."+spec.group'
        found.append(invalid("metadata.name", new["metadata"].get("name") or "", why))
    _check_group(spec.get("group") or "", found)
    _check_approval(new, found)
    _check_scope(spec, found)
    _check_versions(spec, old, found)
    _check_names(spec.get("names") or {}, "spec.names", found)
    for name in ("plural", "singular", "kind", "listKind"):
        if not (spec.get("names") or {}).get(name):
            found.append(required(f"spec.names.{name}"))
    _check_conversion(spec.get("conversion") or {}, (old or {}).get("spec", {}).get("conversion") or {}, found)
    if spec.get("preserveUnknownFields"):
        why = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"
        found.append(invalid("spec.preserveUnknownFields", True, why))
    if old is not None:
        _check_unchanged(new, old, found)
        _check_stored(new, found)
    return found


def _full_name(spec: Obj) -> str:
    return f"{(spec.get('names') or {}).get('plural')}.{spec.get('group')}"


def _check_group(group: str, found: Found) -> None:
    if not group:
        found.append(required("spec.group"))
    elif messages := list(names.subdomain(group)):
        found.append(invalid("spec.group", group, ",".join(messages)))
    elif "." not in group:
        found.append(invalid("spec.group", group, "should be a domain with at least one dot"))


def _check_approval(definition: Obj, found: Found) -> None:
    """Groups of the Kubernetes community are for kinds that it has approved."""
    group = definition["spec"].get("group") or ""
    if not (group.endswith(_PROTECTED) or group in ("k8s.io", "kubernetes.io")):
        return
    path, given = f"metadata.annotations[{_APPROVAL}]", (definition["metadata"].get("annotations") or {}).get(_APPROVAL)
    if not given:
        found.append(required(path, f'protected groups must have approval annotation "{_APPROVAL}", {_SEE}'))
    elif not given.startswith("unapproved") and not _is_url(given):
        why = (
            f'protected groups must have approval annotation "{_APPROVAL}" with either a URL or a reason starting with'
        )
        found.append(invalid("metadata.annotations", given, f'{why} "unapproved", {_SEE}'))


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.scheme and parts.netloc)


def _check_scope(spec: Obj, found: Found) -> None:
    scope = spec.get("scope") or ""
    if not scope:
        found.append(required("spec.scope"))
    elif scope not in SCOPES:
        found.append(not_supported("spec.scope", scope, SCOPES))


def _check_versions(spec: Obj, old: Obj | None, found: Found) -> None:
    versions = spec.get("versions") or []
    before = {one.get("name"): one for one in (old or {"spec": {}})["spec"].get("versions") or ()}
    seen: set[str] = set()
    for index, version in enumerate(versions):
        path, name = f"spec.versions[{index}]", version.get("name") or ""
        seen.add(name)
        if messages := list(names.label_1035(name)):
            found.append(invalid(f"{path}.name", name, ",".join(messages)))
        version_rules.check(version, before.get(name), path, found)
    if len(seen) != len(versions):
        found.append(invalid("spec.versions", versions, "must contain unique version names"))
    if sum(bool(one.get("storage")) for one in versions) != 1:
        found.append(invalid("spec.versions", versions, "must have exactly one version marked as storage version"))


def _check_names(given: Obj, path: str, found: Found) -> None:
    for name in ("plural", "singular"):
        _check_label(given.get(name), f"{path}.{name}", found)
    for name in ("kind", "listKind"):
        text = given.get(name) or ""
        if text and (messages := list(names.label_1035(text.lower()))):
            why = f"may have mixed case, but should otherwise match: {','.join(messages)}"
            found.append(invalid(f"{path}.{name}", text, why))
    for name in ("shortNames", "categories"):
        for index, text in enumerate(given.get(name) or ()):
            _check_label(text, f"{path}.{name}[{index}]", found)
    if given.get("kind") and given.get("kind") == given.get("listKind"):
        found.append(invalid(f"{path}.listKind", given["listKind"], "kind and listKind may not be the same"))


def _check_label(text: Any, path: str, found: Found) -> None:
    if text and (messages := list(names.label_1035(text))):
        found.append(invalid(path, text, ",".join(messages)))


def _check_conversion(conversion: Obj, before: Obj, found: Found) -> None:
    path, strategy, webhook = "spec.conversion", conversion.get("strategy") or "", conversion.get("webhook") or {}
    if strategy not in ("None", "Webhook"):
        found.append(not_supported(f"{path}.strategy", strategy, ("None", "Webhook")))
        return
    client, versions = webhook.get("clientConfig"), webhook.get("conversionReviewVersions") or []
    if strategy == "None":
        for name, value in (("webhookClientConfig", client), ("conversionReviewVersions", versions)):
            if value:
                found.append(forbidden(f"{path}.{name}", "should not be set when strategy is not set to Webhook"))
        return
    if client is None:
        found.append(required(f"{path}.webhookClientConfig", "required when strategy is set to Webhook"))
    else:
        check_client(client, f"{path}.webhookClientConfig", found)
        bundle, former = (
            client.get("caBundle"),
            ((before.get("webhook") or {}).get("clientConfig") or {}).get("caBundle"),
        )
        if bundle and bundle != former:
            check_bundle(bundle, f"{path}.webhookClientConfig.caBundle", found)
    _check_review_versions(versions, f"{path}.conversionReviewVersions", found)


def _check_review_versions(versions: list[str], path: str, found: Found) -> None:
    if not versions:
        found.append(required(path))
        return
    for index, version in enumerate(versions):
        if version in versions[:index]:
            found.append(invalid(f"{path}[{index}]", version, "duplicate version"))
        elif messages := list(names.label_1035(version)):
            found.append(invalid(f"{path}[{index}]", version, ",".join(messages)))
    if "v1" not in versions and "v1beta1" not in versions:
        found.append(invalid(path, versions, "must include at least one of v1, v1beta1"))


def _check_unchanged(new: Obj, old: Obj, found: Found) -> None:
    """What objects are stored by stays; and where there may be some, what they are."""
    after, before = new["spec"], old["spec"]
    check_immutable("spec.group", after.get("group"), before.get("group"), found)
    plural = (before.get("names") or {}).get("plural")
    check_immutable("spec.names.plural", (after.get("names") or {}).get("plural"), plural, found)
    if condition_is_true(old, "Established"):
        check_immutable("spec.scope", after.get("scope"), before.get("scope"), found)
        kind = (before.get("names") or {}).get("kind")
        check_immutable("spec.names.kind", (after.get("names") or {}).get("kind"), kind, found)


def _check_stored(definition: Obj, found: Found) -> None:
    stored = (definition.get("status") or {}).get("storedVersions") or []
    known = {one.get("name"): one for one in definition["spec"].get("versions") or ()}
    if not stored:
        found.append(invalid("status.storedVersions", stored, "must have at least one stored version"))
    for index, name in enumerate(stored):
        if name not in known:
            why = (
                f"missing from spec.versions; {name} was previously a storage version, and must remain in spec.versions"
            )
            why += f" until a storage migration ensures no data remains persisted in {name} and removes {name} from"
            found.append(invalid(f"status.storedVersions[{index}]", name, f"{why} status.storedVersions"))
    current = next((name for name, one in known.items() if one.get("storage")), None)
    if current is not None and current not in stored:
        found.append(invalid("status.storedVersions", stored, f"must have the storage version {current}"))


def status_problems(new: Obj, old: Obj | None) -> Found:
    """Of a write to the status: the names that are accepted, and the versions that are stored."""
    found: Found = []
    _check_names((new.get("status") or {}).get("acceptedNames") or {}, "status.acceptedNames", found)
    _check_stored(new, found)
    return found
