"""Which Secrets a pod may use where its service account says that it may use its own only.

Source: "Enforce mountable Secrets" in "Service Accounts" of the Kubernetes documentation.
"""

from __future__ import annotations

from collections.abc import Iterator

from podo.api.kind import Obj

ENFORCED = "kubernetes.io/enforce-mountable-secrets"
_LISTS = {"initContainers": "init container", "containers": "container", "ephemeralContainers": "ephemeral container"}


def refusal(account: Obj, spec: Obj) -> str:
    """Why the account does not let the pod have a Secret that it names; "" where it does, or does not care."""
    if str((account["metadata"].get("annotations") or {}).get(ENFORCED)).lower() not in ("true", "1", "t"):
        return ""
    name = account["metadata"]["name"]
    allowed = {one.get("name") for one in account.get("secrets") or ()}
    for secret, what in _secrets_of(spec):
        if secret not in allowed:
            return f"{what} is not allowed because service account {name} does not reference that secret"
    pulled = {one.get("name") for one in account.get("imagePullSecrets") or ()}
    for index, one in enumerate(spec.get("imagePullSecrets") or ()):
        if (secret := one.get("name")) not in pulled:
            what = f'imagePullSecrets[{index}].name="{secret}"'
            return f"{what} is not allowed because service account {name} does not reference that imagePullSecret"
    return ""


def _secrets_of(spec: Obj) -> Iterator[tuple[str, str]]:
    """Each Secret that volumes and environments name, and how the refusal calls the place."""
    for volume in spec.get("volumes") or ():
        if secret := (volume.get("secret") or {}).get("secretName"):
            yield secret, f'volume with secret.secretName="{secret}"'
    for field, kind in _LISTS.items():
        for container in spec.get(field) or ():
            where = f"{kind} {container.get('name')} with"
            for variable in container.get("env") or ():
                if secret := ((variable.get("valueFrom") or {}).get("secretKeyRef") or {}).get("name"):
                    yield secret, f'{where} envVar {variable.get("name")} referencing secret.secretName="{secret}"'
            for source in container.get("envFrom") or ():
                if secret := (source.get("secretRef") or {}).get("name"):
                    yield secret, f'{where} envFrom referencing secret.secretName="{secret}"'
