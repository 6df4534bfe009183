"""ClusterTrustBundle (certificates.k8s.io/v1): root certificates that pods may trust, of one signer or of none."""

from __future__ import annotations

from podo.api.columns import NAME, column
from podo.api.kind import Kind, Obj
from podo.api.parts import pem, x509
from podo.api.parts.signername import bundle_name_problems, check_signer_name
from podo.api.rules import Found, check_immutable, invalid, too_long

MAX_BYTES = 1024 * 1024
_OMITTED = "<value omitted>"


def _signer(bundle: Obj) -> str:
    return (bundle.get("spec") or {}).get("signerName") or ""


def _check_bundle(text: str, found: Found) -> None:
    """CA certificates only, each once, at least one."""
    path = "spec.trustBundle"
    if len(text.encode()) > MAX_BYTES:
        found.append(too_long(path, MAX_BYTES))
        return
    before, places = len(found), dict[bytes, list[int]]()
    for index, block in enumerate(pem.blocks(text)):
        if why := _wrong_with(block, index):
            found.append(invalid(path, _OMITTED, why))
        else:
            places.setdefault(block.content, []).append(index)
    if len(found) > before:
        return
    if not places:
        found.append(invalid(path, _OMITTED, "at least one trust anchor must be provided"))
    for indices in places.values():
        if len(indices) > 1:
            listed = " ".join(str(index) for index in indices)
            found.append(invalid(path, _OMITTED, f"duplicate trust anchor (indices [{listed}])"))


def _wrong_with(block: pem.Block, index: int) -> str:
    if block.type != "CERTIFICATE":
        return f"entry {index} has bad block type: {block.type}"
    if block.has_headers:
        return f"entry {index} has PEM block headers"
    found = x509.certificate(block.content)
    if found is None:
        return f"entry {index} does not parse as X.509"
    return "" if x509.is_authority(found) else f"entry {index} does not have the CA bit set"


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    signer, spec = _signer(new), new.get("spec") or {}
    name = new["metadata"].get("name") or ""
    if name and old is None:
        found.extend(invalid("metadata.name", name, message) for message in bundle_name_problems(signer, name))
    if signer:
        check_signer_name("spec.signerName", signer, found)
    if old is not None:
        check_immutable("spec.signerName", signer, _signer(old), found)
    if old is None or old["spec"].get("trustBundle") != spec.get("trustBundle"):
        _check_bundle(spec.get("trustBundle") or "", found)
    return found


CLUSTERTRUSTBUNDLE = Kind(
    group="certificates.k8s.io",
    version="v1",
    kind="ClusterTrustBundle",
    plural="clustertrustbundles",
    singular="clustertrustbundle",
    namespaced=False,
    name_rule="path",  # a signer's bundle has colons in its name
    problems=_problems,
    fields={"spec.signerName": _signer},
    columns=(NAME, column("SignerName", lambda bundle: _signer(bundle) or "<none>")),
    conditional=True,
)
