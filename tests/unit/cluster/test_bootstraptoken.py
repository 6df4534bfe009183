"""What ``podo token create`` makes is a token that authenticates, and a cluster-info that everybody may read."""

from __future__ import annotations

import argparse
from pathlib import Path

import yaml
from tests.unit.apiserver.world import World, in_world

from podo.cli.commands import token as command
from podo.cluster import certificates
from podo.cluster.config import Config
from podo.runtime.clock import SystemClock

ME = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


def test_a_made_token_works(tmp_path: Path) -> None:
    config = Config("test", str(tmp_path / "data"))
    config.layout.make()
    certificates.ensure(config, SystemClock())
    options = argparse.Namespace(ttl=3600.0, groups=None, usages=None, description="for a test")

    async def test(world: World) -> None:
        for name in ("kube-system", "kube-public"):
            await world.client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        info = "/api/v1/namespaces/kube-public/configmaps/cluster-info"
        assert (await world.ask("GET", info, who=None))[0] == 403
        token = await command.create(world.client, config, options)
        status, review = await world.ask("POST", ME, {}, who=None, authorization=f"Bearer {token}")
        assert (
            status == 201
            and "system:bootstrappers:kubeadm:default-node-token" in review["status"]["userInfo"]["groups"]
        )
        status, found = await world.ask("GET", info, who=None)
        assert status == 200
        cluster = yaml.safe_load(found["data"]["kubeconfig"])["clusters"][0]["cluster"]
        assert cluster["server"] == config.node_server_url and cluster["certificate-authority-data"]
        assert (await world.ask("GET", "/api/v1/namespaces/kube-public/configmaps", who=None))[0] == 403
        listed = await command._listed(world.client)
        assert token.partition(".")[0] in listed and token.partition(".")[2] not in listed

    in_world(test)
