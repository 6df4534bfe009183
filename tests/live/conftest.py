"""One real cluster for all tests that do it no harm, a namespace for each test."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

import pytest

from tests.live.kubectl import Kubectl
from tests.live.podo import Cluster, cluster

#: So that no test's namespace is called like another's, which may still be on its way out.
_numbers = itertools.count(1)


def new_namespace(kubectl: Kubectl, request: pytest.FixtureRequest) -> Iterator[Kubectl]:
    """kubectl in a new namespace, which is named after the test."""
    name = re.sub("[^a-z0-9]+", "-", request.node.name.lower().removeprefix("test_"))[:52].strip("-")
    kubectl = kubectl.within(f"{name}-{next(_numbers)}")
    kubectl("create", "namespace", kubectl.namespace)
    yield kubectl
    kubectl("delete", "namespace", kubectl.namespace, "--wait=false")


@pytest.fixture(scope="session")
def shared_cluster() -> Iterator[Cluster]:
    with cluster("live") as made:
        made.load_images("pause", "busybox", "nginx")
        yield made


@pytest.fixture
def kubectl(shared_cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Kubectl]:
    """kubectl in a new namespace of the shared cluster."""
    yield from new_namespace(shared_cluster.kubectl, request)


@pytest.fixture(scope="session")
def simulated_cluster() -> Iterator[Cluster]:
    """A cluster without containers, for what needs none; for all tests that do it no harm."""
    with cluster("simulated", "simulated", "--nodes", "2") as made:
        yield made
