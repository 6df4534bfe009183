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
from podo.api.rules import Found, check_immutable, check_one_of, forbidden, invalid, required
from podo.values import names

SCOPES = ("Cluster", "Namespaced")
_APPROVAL = "api-approved.kubernetes.io"
_PROTECTED = (".k8s.io", ".kubernetes.io")
_SEE = "see https://github.com/kubernetes/enhancements/pull/1111"


def problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    spec = new["spec"]
    if old is None and new["metadata"].get("name") != _full_name(spec):
        why = 'must be spec.names.plural+"."+spec.group'
        found.append(invalid("metadata.name", new["metadata"].get("name") or "", why))
    _check_group(spec.get("group") or "", found)
    check_one_of("spec.scope", spec.get("scope"), SCOPES, found)
    _check_versions(spec.get("versions") or [], old, found)
    _check_all_names(spec.get("names") or {}, found)
    version_rules.check_alike(spec.get("versions") or [], (old or {"spec": {}})["spec"].get("versions") or [], found)
    _check_conversion(spec.get("conversion") or {}, old, found)
    if old is not None:
        _check_unchanged(new, old, found)
    _check_stored(new, found)
    _check_approval(new, old, found)
    if spec.get("preserveUnknownFields"):
        why = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"
        found.append(invalid("spec.preserveUnknownFields", True, why))
    return found


def _full_name(spec: Obj) -> str:
    return f"{(spec.get('names') or {}).get('plural') or ''}.{spec.get('group') or ''}"


def _check_group(group: str, found: Found) -> None:
    if not group:
        found.append(required("spec.group"))
    elif messages := list(names.subdomain(group)):
        found.append(invalid("spec.group", group, ",".join(messages)))
    elif "." not in group:
        found.append(invalid("spec.group", group, "should be a domain with at least one dot"))


def _check_approval(definition: Obj, old: Obj | None, found: Found) -> None:
    """Groups of the Kubernetes community are for kinds that it has approved."""
    group = definition["spec"].get("group") or ""
    if not (group.endswith(_PROTECTED) or group in ("k8s.io", "kubernetes.io")):
        return
    given = (definition["metadata"].get("annotations") or {}).get(_APPROVAL) or ""
    state = _approval(given)
    if old is not None and _approval((old["metadata"].get("annotations") or {}).get(_APPROVAL) or "") == state:
        return
    path, why = f"metadata.annotations[{_APPROVAL}]", f'protected groups must have approval annotation "{_APPROVAL}"'
    if state == "missing":
        found.append(required(path, f"{why}, {_SEE}"))
    elif state == "invalid":
        found.append(invalid(path, given, f'{why} with either a URL or a reason starting with "unapproved", {_SEE}'))


def _approval(given: str) -> str:
    if not given:
        return "missing"
    return "bypassed" if given.startswith("unapproved") else "approved" if _is_url(given) else "invalid"


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.scheme and parts.netloc)


def _check_versions(versions: list[Obj], old: Obj | None, found: Found) -> None:
    for index, version in enumerate(versions):
        if (version.get("schema") or {}).get("openAPIV3Schema") is None:
            found.append(required(f"spec.versions[{index}].schema.openAPIV3Schema"))
    before = {one.get("name"): one for one in (old or {"spec": {}})["spec"].get("versions") or ()}
    alike = version_rules.alike(versions)
    for index, version in enumerate(versions):
        path, name = f"spec.versions[{index}]", version.get("name") or ""
        if messages := list(names.label_1035(name)):
            found.append(invalid(f"{path}.name", name, ",".join(messages)))
        version_rules.check(version, before.get(name), alike, path, found)
    if len({version.get("name") for version in versions}) != len(versions):
        found.append(invalid("spec.versions", versions, "must contain unique version names"))
    if sum(bool(one.get("storage")) for one in versions) != 1:
        found.append(invalid("spec.versions", versions, "must have exactly one version marked as storage version"))


def _check_all_names(given: Obj, found: Found) -> None:
    for name in ("plural", "singular", "kind", "listKind"):
        if not given.get(name):
            found.append(required(f"spec.names.{name}"))
    _check_names(given, "spec.names", found)


def _check_names(given: Obj, path: str, found: Found) -> None:
    for name in ("plural", "singular"):
        _check_label(given.get(name), f"{path}.{name}", found)
    for name in ("kind", "listKind"):
        text = given.get(name) or ""
        if text and (messages := list(names.label_1035(text.lower()))):
            why = f"may have mixed case, but should otherwise match: {','.join(messages)}"
            found.append(invalid(f"{path}.{name}", text, why))
    for index, text in enumerate(given.get("shortNames") or ()):
        _check_label(text, f"{path}.shortNames[{index}]", found)
    if given.get("kind") and given.get("kind") == given.get("listKind"):
        found.append(invalid(f"{path}.listKind", given["listKind"], "kind and listKind may not be the same"))
    for index, text in enumerate(given.get("categories") or ()):
        _check_label(text, f"{path}.categories[{index}]", found)


def _check_label(text: Any, path: str, found: Found) -> None:
    if text and (messages := list(names.label_1035(text))):
        found.append(invalid(path, text, ",".join(messages)))


def _check_conversion(conversion: Obj, old: Obj | None, found: Found) -> None:
    """Told with the names that the client and its versions have in upstream's storage, as kubectl shows them."""
    path, webhook = "spec.conversion", conversion.get("webhook") or {}
    client, versions = webhook.get("clientConfig"), webhook.get("conversionReviewVersions") or []
    check_one_of(f"{path}.strategy", conversion.get("strategy"), ("None", "Webhook"), found)
    if conversion.get("strategy") != "Webhook":
        why = "should not be set when strategy is not set to Webhook"
        if client is not None:
            found.append(forbidden(f"{path}.webhookClientConfig", why))
        if versions:
            found.append(forbidden(f"{path}.conversionReviewVersions", why))
        return
    if client is None:
        found.append(required(f"{path}.webhookClientConfig", "required when strategy is set to Webhook"))
    else:
        check_client(client, f"{path}.webhookClientConfig", found)
        if client.get("caBundle") and not _may_have_bad_bundle(old):
            check_bundle(client["caBundle"], f"{path}.webhookClientConfig.caBundle", found)
    _check_review_versions(versions, f"{path}.conversionReviewVersions", found)


def _may_have_bad_bundle(old: Obj | None) -> bool:
    """Until the kind is established no converter is called; and what was stored once may stay."""
    if old is None or not condition_is_true(old, "Established"):
        return True
    webhook = (old["spec"].get("conversion") or {}).get("webhook") or {}
    former: Found = []
    if bundle := (webhook.get("clientConfig") or {}).get("caBundle"):
        check_bundle(bundle, "", former)
    return bool(former)


def _check_review_versions(versions: list[str], path: str, found: Found) -> None:
    if not versions:
        found.append(required(path))
        return
    for index, version in enumerate(versions):
        if version in versions[:index]:
            found.append(invalid(f"{path}[{index}]", version, "duplicate version"))
        else:
            found.extend(invalid(f"{path}[{index}]", version, why) for why in names.label_1035(version))
    if "v1" not in versions and "v1beta1" not in versions:
        found.append(invalid(path, versions, "must include at least one of v1, v1beta1"))


def _check_unchanged(new: Obj, old: Obj, found: Found) -> None:
    """What objects are stored by stays; and where there may be some, what they are."""
    after, before = new["spec"], old["spec"]
    after_names, before_names = after.get("names") or {}, before.get("names") or {}
    if condition_is_true(old, "Established"):
        check_immutable("spec.scope", after.get("scope"), before.get("scope"), found)
        check_immutable("spec.names.kind", after_names.get("kind"), before_names.get("kind"), found)
    check_immutable("spec.group", after.get("group"), before.get("group"), found)
    check_immutable("spec.names.plural", after_names.get("plural"), before_names.get("plural"), found)


def _check_stored(definition: Obj, found: Found) -> None:
    stored = (definition.get("status") or {}).get("storedVersions") or []
    versions = definition["spec"].get("versions") or []
    if not stored:
        found.append(invalid("status.storedVersions", stored, "must have at least one stored version"))
        return
    for one in versions:
        if one.get("storage") and one.get("name") not in stored:
            why = f"must have the storage version {one.get('name')}"
            found.append(invalid("status.storedVersions", stored, why))
    known = {one.get("name") for one in versions}
    for index, name in enumerate(stored):
        if name not in known:
            why = f"missing from spec.versions; {name} was previously a storage version, and must remain in"
            why += f" spec.versions until a storage migration ensures no data remains persisted in {name} and removes"
            found.append(invalid(f"status.storedVersions[{index}]", name, f"{why} {name} from status.storedVersions"))


def status_problems(new: Obj, old: Obj | None) -> Found:
    """Of a write to the status: the names that are accepted, and the versions that are stored."""
    found: Found = []
    _check_names((new.get("status") or {}).get("acceptedNames") or {}, "status.acceptedNames", found)
    _check_stored(new, found)
    return found
