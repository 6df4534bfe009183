"""A claim that no volume suits is handed to the provisioner of its class, by an annotation that provisioners watch for.

Events: ExternalProvisioning, ProvisioningFailed.
"""

from __future__ import annotations

from collections.abc import Iterator

from podo.api.kind import Obj
from podo.api.kinds.core.persistentvolumeclaim import class_of
from podo.api.meta import annotations_of
from podo.controllers.persistentvolume.binding import BETA_PROVISIONER, CLASS, PROVISIONER, version
from podo.reconcile.actions import Action, Patch, Tell
from podo.reconcile.declare import View

#: Provisioners that would be part of Kubernetes; of these podo has none.
_BUILT_IN = "kubernetes.io/"


def ask_for_volume(claim: Obj, view: View) -> Iterator[Action]:
    name = class_of(claim)
    storage_class = view.get(CLASS, name)
    if storage_class is None:
        yield Tell(claim, "ProvisioningFailed", f'storageclass.storage.k8s.io "{name}" not found', "Warning")
        return
    provisioner = str(storage_class["provisioner"])
    if provisioner.startswith(_BUILT_IN):
        yield Tell(claim, "ProvisioningFailed", f"no volume plugin matched name: {provisioner}", "Warning")
        return
    asked = {BETA_PROVISIONER: provisioner, PROVISIONER: provisioner}
    if any(annotations_of(claim).get(key) != value for key, value in asked.items()):
        yield Patch(claim, {"metadata": {"annotations": asked, **version(claim)}})
    text = (
        f"Waiting for a volume to be created either by the external provisioner '{provisioner}' or manually by the "
        "system administrator. If volume creation is delayed, please verify that the provisioner is running and "
        "correctly registered."
    )
    yield Tell(claim, "ExternalProvisioning", text)
