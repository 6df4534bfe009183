"""Getting a container's image: pull policy, pull secrets, back-off, and the reasons of a pull that fails.

Source: the documentation's "Images" page (imagePullPolicy, ImagePullBackOff).
"""

from __future__ import annotations

import re

from podo.api.kind import Obj
from podo.api.meta import namespace_of
from podo.node import backoff
from podo.node.memory import PodMemory, Refusal, Waiting
from podo.node.pullsecrets import Login, login_in, registry_of
from podo.node.room import NodeRoom
from podo.node.runtimes.contract import Image, RuntimeFailure

#: How long the first reason (ErrImagePull) is shown before it becomes ImagePullBackOff.
SETTLE_SECONDS = 5.0
RETRY_SECONDS = 10.0
_DOMAIN = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]+)?|\[[0-9a-fA-F:]+\](?::[0-9]+)?)"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"(?:{_DOMAIN}/)?{_PART}(?:/{_PART})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?(?:@[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-fA-F]{{32,}})?"
)


class Refused(Exception):
    """A container cannot be started now."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.waiting.message)
        self.refusal = refusal


def is_reference(image: str) -> bool:
    """Is this a name that an image can have? (The grammar of the OCI distribution's references.)"""
    return len(image) <= 512 and _REFERENCE.fullmatch(image) is not None


async def image_for(room: NodeRoom, pod: Obj, container: Obj, memory: PodMemory) -> Image:
    """The image, pulled if the policy says so. Raises Refused."""
    name = container.get("image", "")
    policy = container.get("imagePullPolicy") or "IfNotPresent"
    if not is_reference(name):
        raise _invalid(room, pod, container, name)
    present = await room.runtime.find_image(name)
    if policy != "Always" and present is not None and await _may_use(room, pod, name, present):
        text = f'Container image "{name}" already present on machine and can be accessed by the pod'
        room.tell(pod, "Pulled", text, container=container["name"])
        return present
    if policy == "Never":
        message = f'Container image "{name}" is not present with pull policy of Never'
        room.tell(pod, "ErrImageNeverPull", message, "Warning", container["name"])
        raise _refused(room, pod, container, "ErrImageNeverPull", message)
    return await _pull(room, pod, container, name, memory)


async def _may_use(room: NodeRoom, pod: Obj, name: str, present: Image) -> bool:
    """Whether a pod may use an image that is here, without asking its registry."""
    if not room.pulled.needs_check(name, present.id):
        return True
    return room.pulled.opens(name, present.id, await logins_for(room, pod, name))


def _refused(room: NodeRoom, pod: Obj, container: Obj, reason: str, message: str) -> Refused:
    room.tell(pod, "Failed", f"Error: {reason}", "Warning", container["name"])
    return Refused(Refusal(Waiting(reason, message), room.clock.now() + RETRY_SECONDS))


def _invalid(room: NodeRoom, pod: Obj, container: Obj, name: str) -> Refused:
    why = f'couldn\'t parse image name "{name}": invalid reference format'
    message = f'Failed to apply default image tag "{name}": {why}'
    room.tell(pod, "InspectFailed", message, "Warning", container["name"])
    return _refused(room, pod, container, "InvalidImageName", message)


async def _pull(room: NodeRoom, pod: Obj, container: Obj, name: str, memory: PodMemory) -> Image:
    asked = room.clock.monotonic()
    async with room.pulls:
        room.tell(pod, "Pulling", f'Pulling image "{name}"', container=container["name"])
        began = room.clock.monotonic()
        try:
            image = await _fetch(room, pod, name)
        except RuntimeFailure as failure:
            raise _pull_failed(room, pod, container, name, memory, str(failure)) from failure
    memory.pulls.pop(name, None)
    now = room.clock.monotonic()
    took, with_wait = _seconds(now - began), _seconds(now - asked)
    size = f"Image size: {image.size} bytes."
    text = f'Successfully pulled image "{name}" in {took} ({with_wait} including waiting). {size}'
    room.tell(pod, "Pulled", text, container=container["name"])
    return image


async def _fetch(room: NodeRoom, pod: Obj, name: str) -> Image:
    """Pull with each of the pod's logins in turn, without one if it has none. Raises RuntimeFailure, the last."""
    logins: list[Login | None] = [*await logins_for(room, pod, name)] or [None]
    room.pulled.begins(name)
    try:
        for index, login in enumerate(logins):
            try:
                image_id = await room.runtime.pull_image(
                    name, username=login.username if login else "", password=login.password if login else ""
                )
                break
            except RuntimeFailure:
                if index == len(logins) - 1:
                    raise
        image = await room.runtime.find_image(name) or await room.runtime.find_image(image_id)
        if image is None:
            raise RuntimeFailure("not_found", f"image {image_id} is gone after its pull")
        room.pulled.succeeded(name, image.id, login)
        return image
    finally:
        room.pulled.ends(name)


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}s" if seconds >= 1 else f"{seconds * 1000:.0f}ms"


def _pull_failed(room: NodeRoom, pod: Obj, container: Obj, name: str, memory: PodMemory, why: str) -> Refused:
    now = room.clock.now()
    memory.pulls[name] = held = backoff.after(memory.pulls.get(name), now, now)
    room.tell(pod, "Failed", f'Failed to pull image "{name}": {why}', "Warning", container["name"])
    room.tell(pod, "Failed", "Error: ErrImagePull", "Warning", container["name"])
    later = Waiting("ImagePullBackOff", f'Back-off pulling image "{name}": ErrImagePull: {why}')
    return Refused(Refusal(Waiting("ErrImagePull", why), now + held.delay, later, now + SETTLE_SECONDS))


# Pull secrets


async def logins_for(room: NodeRoom, pod: Obj, image: str) -> list[Login]:
    """Those for the image's registry from the pod's imagePullSecrets."""
    found, missing = [], []
    for reference in pod["spec"].get("imagePullSecrets") or ():
        secret = await room.sources.secret(namespace_of(pod), reference.get("name", ""))
        if secret is None:
            missing.append(str(reference.get("name")))
        elif login := login_in(secret, registry_of(image)):
            found.append(login)
    if missing:
        named = ", ".join(missing)
        text = f"Unable to retrieve some image pull secrets ({named}); attempting to pull the image may not succeed."
        room.tell(pod, "FailedToRetrieveImagePullSecret", text, "Warning")
    return found
