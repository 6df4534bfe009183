"""Starting sandboxes and containers: from an instruction to calls of the machine and the runtime, with their Events."""

from __future__ import annotations

from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.client.contract import Unreachable
from podo.node import podspec, resizing, translate
from podo.node.environment import ConfigProblem, environment_of
from podo.node.instructions import StartContainer
from podo.node.machine import MachineFailure
from podo.node.memory import PodMemory, Refusal, Waiting
from podo.node.pulling import Refused, image_for
from podo.node.room import NodeRoom
from podo.node.runtimes.contract import ContainerSpec, Image, RuntimeFailure, SandboxSpec

RETRY_SECONDS = 10.0
#: A container whose process could not be started is dead: its back-off takes over after this.
START_ERROR_SECONDS = 1.0
#: A postStart hook has no timeout of its own; this is the longest that it may hold up its pod.
HOOK_SECONDS = 600.0


def sandbox_spec(room: NodeRoom, pod: Obj, attempt: int, handler: str = "") -> SandboxSpec:
    machine = room.machine
    return translate.sandbox_spec(
        *(pod, attempt, machine.log_directory(pod), machine.cgroup_parent(pod), machine.dns(pod)),
        node_name=room.config.name,
        handler=handler,
    )


async def handler_of(room: NodeRoom, pod: Obj) -> str:
    """The runtime handler of the pod's RuntimeClass; "" without one. Raises ConfigProblem for one that is not there."""
    name = pod["spec"].get("runtimeClassName")
    if not name:
        return ""
    try:
        found = await room.sources.runtime_class(name)
    except (ApiError, Unreachable) as failure:
        raise ConfigProblem(f"failed to lookup RuntimeClass {name}: {failure}") from failure
    if found is None:
        raise ConfigProblem(f'runtimeclass.node.k8s.io "{name}" not found')
    return str(found.get("handler") or "")


async def run_sandbox(room: NodeRoom, pod: Obj, attempt: int) -> None:
    """Run the pod's sandbox. Raises RuntimeFailure after telling why."""
    if attempt:
        room.tell(pod, "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.")
    try:
        spec = sandbox_spec(room, pod, attempt, await handler_of(room, pod))
        sandbox_id = await room.runtime.run_sandbox(spec)
        await room.machine.ran_sandbox(pod)
        await room.inventory.look_at_sandbox(sandbox_id)
    except (RuntimeFailure, ConfigProblem, MachineFailure) as failure:
        room.tell(pod, "FailedCreatePodSandBox", f"Failed to create pod sandbox: {failure}", "Warning")
        raise


async def start_container(room: NodeRoom, pod: Obj, order: StartContainer, memory: PodMemory) -> None:
    """Pull, create, start, postStart. What goes wrong becomes a refusal in the memory, and an Event."""
    container = podspec.container_named(pod, order.name)
    sandbox = room.inventory.of(pod["metadata"]["uid"]).sandbox
    if container is None or sandbox is None:
        return
    try:
        image = await _image(room, pod, container, memory)
        await _image_volumes(room, pod, container, memory)
        spec = await _container_spec(room, pod, container, order.attempt, image, list(sandbox.ips))
        container_id = await _create(room, pod, spec, sandbox.id, sandbox.attempt)
        memory.applied[container_id] = resizing.amounts(container.get("resources"))
        if order.back_off is not None:
            memory.back_offs[order.name] = order.back_off
        await _start(room, pod, order.name, container_id)
        memory.refusals.pop(order.name, None)
    except Refused as refused:
        memory.refusals[order.name] = refused.refusal
        return
    await _post_start(room, pod, container, container_id, memory)


async def _image(room: NodeRoom, pod: Obj, container: Obj, memory: PodMemory) -> Image:
    memory.pulling = True
    try:
        return await image_for(room, pod, container, memory)
    finally:
        memory.pulling = False


async def _image_volumes(room: NodeRoom, pod: Obj, container: Obj, memory: PodMemory) -> None:
    """The images that the container mounts as volumes: pulled like its own, by their own policy."""
    mounted = {mount["name"] for mount in container.get("volumeMounts") or ()}
    for volume in pod["spec"].get("volumes") or ():
        if (source := volume.get("image")) is None or volume["name"] not in mounted:
            continue
        wanted = {"image": source.get("reference") or "", "imagePullPolicy": source.get("pullPolicy")}
        image = await _image(room, pod, {"name": container["name"], **wanted}, memory)
        try:
            await room.machine.mount_image(pod, volume, image)
        except MachineFailure as problem:
            raise _refused(room, pod, container["name"], "CreateContainerError", problem.message) from problem


async def _container_spec(
    room: NodeRoom, pod: Obj, container: Obj, attempt: int, image: Image, ips: list[str]
) -> ContainerSpec:
    if podspec.is_host_network(pod):
        ips = [room.config.internal_ip]
    amounts = room.node_amounts()
    try:
        links = not room.config.simulated  # no process would read them, and they cost a LIST a pod
        about = (pod, container, room.sources, ips, room.config.internal_ip, amounts)
        environment = await environment_of(*about, links=links)
        mounts = await room.machine.mounts(pod, container, attempt, ips, dict(environment))
        target = room.inventory.of(pod["metadata"]["uid"]).newest(container.get("targetContainerName") or "")
        return translate.container_spec(
            pod, container, attempt, image, environment, mounts, amounts["memory"], target.id if target else ""
        )
    except (ConfigProblem, MachineFailure, ApiError, Unreachable) as problem:
        raise _refused(room, pod, container["name"], "CreateContainerConfigError", str(problem)) from problem


def _refused(room: NodeRoom, pod: Obj, name: str, reason: str, message: str, wait: float = RETRY_SECONDS) -> Refused:
    room.tell(pod, "Failed", f"Error: {message}", "Warning", name)
    return Refused(Refusal(Waiting(reason, message), room.clock.now() + wait))


async def _create(room: NodeRoom, pod: Obj, spec: ContainerSpec, sandbox_id: str, attempt: int) -> str:
    try:
        container_id = await room.runtime.create_container(sandbox_id, spec, sandbox_spec(room, pod, attempt))
    except RuntimeFailure as failure:
        raise _refused(room, pod, spec.name, "CreateContainerError", failure.message) from failure
    room.tell(pod, "Created", "Container created", container=spec.name)
    return container_id


async def _start(room: NodeRoom, pod: Obj, name: str, container_id: str) -> None:
    try:
        await room.runtime.start_container(container_id)
    except RuntimeFailure as failure:
        await _look_at_failed(room, container_id)
        raise _refused(room, pod, name, "RunContainerError", failure.message, START_ERROR_SECONDS) from failure
    room.tell(pod, "Started", "Container started", container=name)
    await room.inventory.look_at_container(container_id)


async def _look_at_failed(room: NodeRoom, container_id: str) -> None:
    """A start that failed left a dead container, whose back-off holds; or one that never ran, which is in the way."""
    try:
        await room.inventory.look_at_container(container_id)
        status = await room.runtime.container_status(container_id)
        if status.state != "exited":
            await room.runtime.remove_container(container_id)
            room.inventory.forget_container(container_id)
    except RuntimeFailure:
        return  # the relist will see it


async def _post_start(room: NodeRoom, pod: Obj, container: Obj, container_id: str, memory: PodMemory) -> None:
    hook = (container.get("lifecycle") or {}).get("postStart")
    if not hook or (target := room.target(pod, container, container_id)) is None:
        return
    result = await room.machine.hook(target, hook, HOOK_SECONDS)
    if result.passed:
        return
    name = container["name"]
    room.tell(pod, "FailedPostStartHook", "PostStartHook failed", "Warning", name)
    room.tell(pod, "Killing", "FailedPostStartHook", container=name)
    memory.refusals[name] = Refusal(
        Waiting("PostStartHookError", result.output), room.clock.now() + START_ERROR_SECONDS
    )
    await room.runtime.stop_container(container_id, podspec.grace_seconds(pod))
    await room.inventory.look_at_container(container_id)
