"""The processes of a cluster, in the order in which they start."""

from __future__ import annotations

from podo.cluster import fabric
from podo.cluster.component import Component, python
from podo.cluster.config import Config


def components(config: Config) -> list[Component]:
    """The control plane; for each node with real containers its containerd and its node process."""
    found = [_server(config)]
    if config.runtime == "containerd":
        for name in config.node_names:
            found += [_containerd(config, name), _node(config, name)]
    return found


def containerd_component(node_name: str) -> str:
    return f"containerd-{node_name}"


def _ours(config: Config, verb: str, *more: str) -> list[str]:
    return python(verb, "--name", config.name, "--data-dir", config.data_dir, *more)


def _server(config: Config) -> Component:
    return Component("server", _ours(config, "server"), config.layout.log("server"))


def _containerd(config: Config, name: str) -> Component:
    from podo.node.containerd_config import Paths, command

    component, directory = containerd_component(name), config.layout.node(name) / "containerd"
    return Component(
        component,
        [*fabric.enter(config, name), *command(directory)],
        config.layout.log(component),
        socket=Paths(directory).socket,
        survives=True,
    )


def _node(config: Config, name: str) -> Component:
    argv = [*fabric.enter(config, name), *_ours(config, "node", "--node-name", name)]
    return Component(name, argv, config.layout.log(name), needs=("server", containerd_component(name)))
