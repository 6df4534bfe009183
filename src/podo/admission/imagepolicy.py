"""ImagePolicyWebhook: a server of the administrator is asked (imagepolicy.k8s.io/v1alpha1 ImageReview) whether a pod's
images may run; off unless configured.

Source: "ImagePolicyWebhook" in "Admission Controllers" of the Kubernetes documentation.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from podo.admission.request import AdmissionRequest, Plugin, is_core
from podo.api.errors import forbidden
from podo.api.kind import Kind, Obj
from podo.client.reviewing import NoReview, Reviewer
from podo.runtime.clock import Clock
from podo.runtime.log import Logger

if TYPE_CHECKING:
    from podo.admission.configuration import ImagePolicySettings

API_VERSION = "imagepolicy.k8s.io/v1alpha1"
#: Annotations of pods that are shown to the server have this in their keys.
SHOWN = ".image-policy.k8s.io/"
#: Before the keys of audit annotations.
AUDITED = "imagepolicywebhook.image-policy.k8s.io/"
#: Of a pod that was let in though nobody answered.
FAILED_OPEN = "alpha.image-policy.k8s.io/failed-open"
EPHEMERAL = "ephemeralcontainers"
_KEPT = 1024
log = Logger("podo.imagepolicy")


class Verdict(NamedTuple):
    allowed: bool
    reason: str
    annotations: tuple[tuple[str, str], ...]


class ImagePolicy:
    """Asks, and remembers answers for as long as the configuration says."""

    def __init__(self, settings: ImagePolicySettings, clock: Clock) -> None:
        self.lets_in_on_failure = settings.default_allow
        self._settings, self._clock = settings, clock
        self._reviewer = Reviewer(settings.access, first_pause=settings.retry_backoff)
        self._known: OrderedDict[bytes, tuple[float, Verdict]] = OrderedDict()

    async def verdict(self, spec: Obj) -> Verdict:
        """Of an ImageReview. Raises NoReview."""
        key = orjson.dumps(spec, option=orjson.OPT_SORT_KEYS)
        until, known = self._known.get(key, (0.0, None))
        if known is not None and until > self._clock.monotonic():
            return known
        review = {"apiVersion": API_VERSION, "kind": "ImageReview", "metadata": {}, "spec": spec}
        found = _verdict((await self._reviewer.ask(review))["status"])
        self._known.pop(key, None)
        seconds = self._settings.allow_ttl if found.allowed else self._settings.deny_ttl
        if seconds > 0:
            self._known[key] = self._clock.monotonic() + seconds, found
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return found

    def close(self) -> None:
        self._reviewer.close()


def _verdict(status: dict[str, Any]) -> Verdict:
    noted = status.get("auditAnnotations")
    annotations = tuple((str(key), str(value)) for key, value in noted.items()) if isinstance(noted, dict) else ()
    reason = status.get("reason")
    return Verdict(status.get("allowed") is True, reason if isinstance(reason, str) else "", annotations)


def handles(kind: Kind, operation: str, subresource: str) -> bool:
    return is_core(kind, "pods") and operation in ("CREATE", "UPDATE") and subresource in ("", EPHEMERAL)


async def admit(request: AdmissionRequest) -> None:
    policy, pod = request.image_policy, request.object
    if policy is None or pod is None:
        return
    try:
        found = await policy.verdict(_spec(request, pod))
    except NoReview as failure:
        _failed(request, pod, policy, failure)
        return
    request.annotations.update({f"{AUDITED}{key}": value for key, value in found.annotations})
    if not found.allowed:
        why = f": {found.reason}" if found.reason else ""
        raise forbidden(request.kind, request.name, f"image policy webhook backend denied one or more images{why}")


def _spec(request: AdmissionRequest, pod: Obj) -> Obj:
    fields = ("ephemeralContainers",) if request.subresource == EPHEMERAL else ("containers", "initContainers")
    images = [{"image": one.get("image", "")} for field in fields for one in pod["spec"].get(field) or ()]
    annotations = pod["metadata"].get("annotations") or {}
    shown = {key: value for key, value in annotations.items() if SHOWN in key}
    return {"containers": images, **({"annotations": shown} if shown else {}), "namespace": request.namespace}


def _failed(request: AdmissionRequest, pod: Obj, policy: ImagePolicy, failure: NoReview) -> None:
    log.warning("the image policy's server does not answer", why=str(failure), lets_in=policy.lets_in_on_failure)
    if not policy.lets_in_on_failure:
        raise forbidden(request.kind, request.name, str(failure))
    request.annotations[f"{AUDITED}failed-open"] = "true"
    if not request.subresource:
        annotations = pod["metadata"].get("annotations") or {}
        pod["metadata"]["annotations"] = {**annotations, FAILED_OPEN: "true"}


PLUGIN = Plugin("ImagePolicyWebhook", handles, admit)
