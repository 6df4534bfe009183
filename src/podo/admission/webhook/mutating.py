"""Mutating webhooks: one after the other, each sees what the former ones have made of the object; and once more for
those that want to, if another has changed the object since (reinvocationPolicy)."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from podo.admission import matching
from podo.admission.request import AdmissionRequest
from podo.admission.webhook.asking import Outside, ask, internal
from podo.admission.webhook.choosing import kind_asked
from podo.admission.webhook.hooks import Hook
from podo.api.errors import ApiError
from podo.api.kind import Kind
from podo.values.patch import PatchError, json


class Walk:
    """One write's way through the mutating webhooks: ``pass_through`` once, and again while ``changed``."""

    def __init__(self, hooks: Sequence[Hook], outside: Outside) -> None:
        self._hooks = hooks
        self._outside = outside
        self._seen: set[Hook] = set()  # asked since the last change, and willing to be asked again
        self._again: set[Hook] = set()
        self._left = b""  # the object as the webhooks left it
        self._passes = 0
        self.changed = False

    async def pass_through(self, request: AdmissionRequest) -> None:
        """Ask the webhooks; ``request.object`` becomes what they make of it. Raises the first refusal."""
        self._passes += 1
        again = self._passes > 1
        self.changed = False
        if again and self._encoded(request) != self._left:
            self._tell_all()  # plug-ins have changed it
        for index, hook in enumerate(self._hooks):
            if not again or hook in self._again:
                await self._visit(hook, request, f"round_{self._passes - 1}_index_{index}")
        self._left = self._encoded(request)

    async def _visit(self, hook: Hook, request: AdmissionRequest, place: str) -> None:
        kind = await kind_asked(hook, request, self._outside)
        if kind is None:
            return
        verdict = await ask(hook, request, kind, self._outside, place, mutating=True)
        if verdict is not None:
            changed = bool(verdict.patch) and await _change(hook, request, kind, verdict.patch, self._outside)
            told = {"configuration": hook.configuration, "webhook": hook.name, "mutated": changed}
            request.annotations[f"mutation.webhook.admission.k8s.io/{place}"] = orjson.dumps(told).decode()
            if changed:
                self.changed = True
                self._tell_all()
        if hook.reinvoked:
            self._seen.add(hook)

    def _tell_all(self) -> None:
        self._again |= self._seen
        self._seen.clear()

    @staticmethod
    def _encoded(request: AdmissionRequest) -> bytes:
        return orjson.dumps(request.object)


async def _change(hook: Hook, request: AdmissionRequest, kind: Kind, patch: object, outside: Outside) -> bool:
    """Apply a webhook's patch to the request's object, in place. Has it changed?"""
    if request.object is None:
        why = "attempted to modify the object, which is not supported for this operation"
        raise internal(f'admission webhook "{hook.name}" {why}')
    seen = orjson.loads(orjson.dumps(matching.in_form_of(request, kind, request.object)))
    try:
        patched = json.apply(seen, patch)
    except PatchError as problem:
        raise internal(str(problem)) from None
    if not isinstance(patched, dict) or not isinstance(patched.get("metadata", {}), dict):
        raise internal("the patched value is not an object with metadata")
    own = await matching.in_own_form(request, kind, patched)
    try:
        new = outside.settle(request, own)
    except ApiError as problem:  # not of the kind's form: the webhook's fault, not the client's
        raise internal(problem.message) from None
    if new == request.object:
        return False
    request.object.clear()
    request.object.update(new)
    return True
