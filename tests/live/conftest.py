"""One real cluster for all tests that do it no harm, a namespace for each test."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest

from tests.live.kubectl import Kubectl
from tests.live.podo import Cluster, cluster


@pytest.fixture(scope="session")
def shared_cluster() -> Iterator[Cluster]:
    with cluster(f"live-{os.getpid()}") as made:  # two test runs on a machine do not meet
        made.load_images("pause", "busybox", "nginx")
        yield made


@pytest.fixture
def kubectl(shared_cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Kubectl]:
    """kubectl in a new namespace of the shared cluster."""
    namespace = re.sub("[^a-z0-9]+", "-", request.node.name.lower().removeprefix("test_"))[:60].strip("-")
    kubectl = shared_cluster.kubectl.within(namespace)
    kubectl("create", "namespace", namespace)
    yield kubectl
    kubectl("delete", "namespace", namespace, "--wait=false")


@pytest.fixture(scope="session")
def simulated_cluster() -> Iterator[Cluster]:
    """A cluster without containers, for what needs none; for all tests that do it no harm."""
    with cluster(f"simulated-{os.getpid()}", "simulated", "--nodes", "2") as made:
        yield made
