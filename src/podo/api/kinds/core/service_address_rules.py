"""The addresses of a Service: clusterIP, clusterIPs, ipFamilies and ipFamilyPolicy, and what an update may change of
them (API reference: ServiceSpec; "IPv4/IPv6 dual-stack")."""

from __future__ import annotations

from typing import Any

from podo.api.kind import Obj
from podo.api.parts.addresses import check_ip, ip_version
from podo.api.rules import Found, check_choice, duplicate, invalid, not_supported

_FAMILIES = ("IPv4", "IPv6")
_POLICIES = ("PreferDualStack", "RequireDualStack", "SingleStack")
_FIXED = "may not change once set"


def is_headless(spec: dict[str, Any]) -> bool:
    """Has it no address, but a name that stands for its pods?"""
    addresses = spec.get("clusterIPs")
    return addresses == ["None"] if addresses else spec.get("clusterIP") == "None"


def cluster_ips(service: Obj) -> tuple[str, ...]:
    """The addresses that a Service has."""
    spec = service.get("spec") or {}
    if spec.get("type") == "ExternalName":
        return ()
    found = (spec.get("clusterIP"), *(spec.get("clusterIPs") or ()))
    return tuple(dict.fromkeys(address for address in found if address and address != "None"))


def check_addresses(spec: dict[str, Any], found: Found) -> None:
    """What an ExternalName may not have is told elsewhere."""
    if spec.get("type") == "ExternalName":
        return
    addresses: list[str] = spec.get("clusterIPs") or []
    if (first := spec.get("clusterIP")) and not addresses:
        addresses = [first]  # as the server will have it
    elif first and addresses[0] != first:
        found.append(invalid("spec.clusterIPs", addresses, "first value must match `clusterIP`"))
    elif addresses and not first:
        found.append(invalid("spec.clusterIPs", addresses, "must be empty when `clusterIP` is not specified"))
    _check_families(spec, found)
    if addresses and addresses != ["None"]:
        _check_each(addresses, spec.get("ipFamilies") or [], found)


def _check_families(spec: dict[str, Any], found: Found) -> None:
    families = spec.get("ipFamilies") or ()
    for index, family in enumerate(families):
        if family not in _FAMILIES:
            found.append(not_supported(f"spec.ipFamilies[{index}]", family, _FAMILIES))
        if family in families[:index]:
            found.append(duplicate(f"spec.ipFamilies[{index}]", family))
    check_choice("spec.ipFamilyPolicy", spec.get("ipFamilyPolicy"), _POLICIES, found)


def _check_each(addresses: list[str], families: list[str], found: Found) -> None:
    path, before = "spec.clusterIPs", len(found)
    for index, address in enumerate(addresses):
        if index == 0 and address == "None":
            found.append(invalid(path, addresses, "'None' must be the first and only value"))
        else:
            check_ip(f"{path}[{index}]", address, found)
    if len(found) > before:  # more would only confuse
        return
    if len(addresses) > 2:
        found.append(invalid(path, addresses, "may only hold up to 2 values"))
    if len(addresses) > 1 and {ip_version(address) for address in addresses} != {4, 6}:
        found.append(invalid(path, addresses, "may specify no more than one IP for each IP family"))
    for index, (address, family) in enumerate(zip(addresses, families, strict=False)):
        if family in _FAMILIES and family != f"IPv{ip_version(address)}":
            why = f"expected an {family} value as indicated by `ipFamilies[{index}]`"
            found.append(invalid(f"{path}[{index}]", address, why))


def check_configured(spec: dict[str, Any], found: Found) -> None:
    """The cluster has IPv4 only; a headless Service without selector may say what it likes."""
    if found or (is_headless(spec) and not spec.get("selector")):
        return
    if (policy := spec.get("ipFamilyPolicy")) == "RequireDualStack":
        found.append(invalid("spec.ipFamilyPolicy", policy, "this cluster is not configured for dual-stack services"))
    for index, family in enumerate(spec.get("ipFamilies") or ()):
        if family != "IPv4":
            found.append(invalid(f"spec.ipFamilies[{index}]", family, "not configured on this cluster"))


def check_addresses_update(new: dict[str, Any], old: dict[str, Any], found: Found) -> None:
    """The first address and the first family are for life, except that it may become an ExternalName; a second may
    come, and go when that is said."""
    if "ExternalName" in (new.get("type"), old.get("type")):
        return
    was, is_ = is_headless(old), is_headless(new)
    if not (was and is_):
        _check_kept(new, old, "clusterIPs", "clusterIP", found)
    if not was and not is_:
        _check_kept(new, old, "ipFamilies", "ipFamily", found)


def _check_kept(new: dict[str, Any], old: dict[str, Any], field: str, one: str, found: Found) -> None:
    had, has = old.get(field) or [], new.get(field) or []
    if had == has:
        return
    path = f"spec.{field}"
    if len(had) == len(has):
        for index, (before, after) in enumerate(zip(had, has, strict=True)):
            if before != after:
                found.append(invalid(f"{path}[{index}]", has, _FIXED))
        return
    if not has:
        found.append(invalid(f"{path}[0]", has, f"primary {one} can not be unset"))
    elif had and has[0] != had[0]:
        found.append(invalid(f"{path}[0]", has, _FIXED))
    if len(has) == 1 < len(had) and new.get("ipFamilyPolicy") != "SingleStack":
        why = f"must be set to 'SingleStack' when releasing the secondary {one}"
        found.append(invalid("spec.ipFamilyPolicy", new.get("ipFamilyPolicy"), why))
