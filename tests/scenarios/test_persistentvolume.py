"""Claims and volumes find each other, are made, grow and go; pods get what they ask for."""

from __future__ import annotations

from typing import Any

import pytest

from podo.api.errors import ApiError
from podo.api.meta import annotations_of, labels_of, name_of
from podo.lab import Faults, World


def volume(name: str, size: str = "1Gi", class_: str = "", mode: str = "ReadWriteOnce", **spec: Any) -> dict[str, Any]:
    whole = {
        "capacity": {"storage": size},
        "accessModes": [mode],
        "storageClassName": class_,
        "hostPath": {"path": f"/data/{name}"},
        **spec,
    }
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": whole}


def claim(name: str, size: str = "1Gi", class_: str | None = "", **spec: Any) -> dict[str, Any]:
    whole: dict[str, Any] = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}, **spec}
    if class_ is not None:
        whole["storageClassName"] = class_
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": whole}


def pod(name: str, *claims: str, **spec: Any) -> dict[str, Any]:
    volumes = [{"name": f"v{i}", "persistentVolumeClaim": {"claimName": one}} for i, one in enumerate(claims)]
    whole = {"containers": [{"name": "c", "image": "nginx"}], "volumes": volumes, **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": whole}


def storage_class(
    name: str, provisioner: str = "podo.dev/local", mode: str = "Immediate", **more: Any
) -> dict[str, Any]:
    base = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name}}
    return {**base, "provisioner": provisioner, "volumeBindingMode": mode, **more}


def phase(world: World, kind: str, name: str) -> str:
    return str(world.get(kind, name)["status"]["phase"])


def bound_to(world: World, name: str) -> str:
    found = world.get("PersistentVolumeClaim", name)
    return found["spec"].get("volumeName", "") if found["status"]["phase"] == "Bound" else ""


def said(world: World, about: str, reason: str) -> str:
    def message() -> str:
        told = [event for event in world.events(about) if event["involvedObject"]["name"] == about]
        return next((event["message"] for event in reversed(told) if event["reason"] == reason), "")

    return str(world.wait_until(message, within=30))


def test_a_claim_takes_the_smallest_volume_that_suits_it() -> None:
    with World(nodes=0) as world:
        world.apply(
            [volume("big", "9Gi"), volume("fit", "3Gi"), volume("small", "1Gi"), volume("other", "2Gi", "gold")]
        )
        world.settle()
        assert {phase(world, "PersistentVolume", name_of(one)) for one in world.list("PersistentVolume")} == {
            "Available"
        }
        world.apply([claim("data", "2Gi"), claim("gold", "1Gi", "gold")])
        world.settle()
        assert (bound_to(world, "data"), bound_to(world, "gold")) == ("fit", "other")
        found, taken = world.get("PersistentVolumeClaim", "data"), world.get("PersistentVolume", "fit")
        assert found["status"] == {"phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "3Gi"}}
        assert annotations_of(found) == {
            "pv.kubernetes.io/bind-completed": "yes",
            "pv.kubernetes.io/bound-by-controller": "yes",
        }
        reference = taken["spec"]["claimRef"]
        assert (reference["namespace"], reference["name"]) == ("default", "data")
        assert reference["uid"] == found["metadata"]["uid"]
        assert taken["status"]["phase"] == "Bound" and taken["status"]["lastPhaseTransitionTime"]


def test_class_mode_selector_and_size_must_suit() -> None:
    with World(nodes=0) as world:
        labelled = volume("labelled")
        labelled["metadata"]["labels"] = {"disk": "fast"}
        world.apply([volume("many", mode="ReadWriteMany"), labelled, volume("raw", "9Gi", volumeMode="Block")])
        world.apply([claim("slow", selector={"matchLabels": {"disk": "slow"}}), claim("huge", "5Gi")])
        world.apply([claim("fast", selector={"matchLabels": {"disk": "fast"}}), claim("block", volumeMode="Block")])
        world.settle()
        assert (bound_to(world, "slow"), bound_to(world, "huge")) == ("", "")
        assert (bound_to(world, "fast"), bound_to(world, "block")) == ("labelled", "raw")
        text = "no persistent volumes available for this claim and no storage class is set"
        assert said(world, "huge", "FailedBinding") == text
        world.apply(volume("late", "5Gi"))
        world.settle()
        assert bound_to(world, "huge") == "late"


def test_either_side_may_name_the_other() -> None:
    with World(nodes=0) as world:
        kept = volume("kept", "9Gi", claimRef={"namespace": "default", "name": "expected"})
        world.apply(
            [kept, volume("asked", "9Gi"), volume("small"), claim("expected"), claim("asking", volumeName="asked")]
        )
        world.settle()
        assert (bound_to(world, "expected"), bound_to(world, "asking")) == ("kept", "asked")
        assert "pv.kubernetes.io/bound-by-controller" not in annotations_of(world.get("PersistentVolume", "kept"))
        world.apply([claim("late", volumeName="asked"), claim("wide", "5Gi", volumeName="small")])
        assert said(world, "late", "FailedBinding") == 'volume "asked" already bound to a different claim.'
        text = 'Cannot bind to requested volume "small": requested PV is too small'
        assert said(world, "wide", "VolumeMismatch") == text
        assert phase(world, "PersistentVolumeClaim", "wide") == "Pending"


def test_what_becomes_of_volumes_and_claims_that_lose_each_other() -> None:
    with World(nodes=0) as world:
        world.apply([volume("retained"), claim("first")])
        world.settle()
        world.delete("PersistentVolumeClaim", "first")
        world.wait_until(lambda: phase(world, "PersistentVolume", "retained") == "Released")
        world.apply(claim("second"))
        world.settle()
        assert bound_to(world, "second") == "", "it holds the first claim's data"
        free = {"spec": {"claimRef": None}}
        world.run(world.client.patch("PersistentVolume", "retained", patch=free))
        world.settle()
        assert bound_to(world, "second") == "retained"
        world.delete("PersistentVolume", "retained")
        gone = {"metadata": {"finalizers": None}}
        world.run(world.client.patch("PersistentVolume", "retained", patch=gone))
        text = "Bound claim has lost its PersistentVolume. Data on the volume is lost!"
        assert said(world, "second", "ClaimLost") == text
        assert phase(world, "PersistentVolumeClaim", "second") == "Lost"


def test_volumes_that_nobody_can_delete_have_failed() -> None:
    with World(nodes=0) as world:
        policy = {"persistentVolumeReclaimPolicy": "Delete"}
        world.apply([volume("etc", **policy), volume("tmp", hostPath={"path": "/tmp/x"}, **policy)])
        disk = volume("disk", **policy)
        del disk["spec"]["hostPath"]
        disk["spec"]["nfs"] = {"server": "files", "path": "/"}
        world.apply([disk, *(claim(f"c-{name}", volumeName=name) for name in ("etc", "tmp", "disk"))])
        world.settle()
        for name in ("etc", "tmp", "disk"):
            assert phase(world, "PersistentVolume", name) == "Bound"
            world.delete("PersistentVolumeClaim", f"c-{name}")
        world.settle()
        assert [name_of(one) for one in world.list("PersistentVolume")] == ["disk", "etc"]
        assert phase(world, "PersistentVolume", "etc") == phase(world, "PersistentVolume", "disk") == "Failed"
        text = "host_path deleter only supports /tmp/.+ but received provided /data/etc"
        assert said(world, "etc", "VolumeFailedDelete") == text
        text = 'error getting deleter volume plugin for volume "disk": no deletable volume plugin matched'
        assert said(world, "disk", "VolumeFailedDelete") == text


def test_a_recycled_volume_is_emptied_and_free_again() -> None:
    with World(nodes=1) as world:
        world.apply([volume("old", persistentVolumeReclaimPolicy="Recycle"), claim("first")])
        world.settle()
        world.delete("PersistentVolumeClaim", "first")
        recycler = world.wait_until(lambda: world.get("Pod", "recycler-for-old"))
        assert recycler["spec"]["volumes"][0]["hostPath"]["path"] == "/data/old"
        ended = {"status": {"phase": "Succeeded"}}
        world.run(world.client.patch("Pod", "recycler-for-old", "default", patch=ended, subresource="status"))
        world.wait_until(lambda: phase(world, "PersistentVolume", "old") == "Available", within=60)
        assert said(world, "old", "VolumeRecycled") == "Volume recycled"
        world.wait_until(lambda: not world.pods(), within=60)


def test_a_claim_waits_for_its_first_consumer() -> None:
    with World(nodes=2) as world:
        world.apply(claim("data", class_=None))
        text = "waiting for first consumer to be created before binding"
        assert said(world, "data", "WaitForFirstConsumer") == text
        assert world.get("PersistentVolumeClaim", "data")["spec"]["storageClassName"] == "standard"
        world.apply(pod("p", "data", nodeSelector={"kubernetes.io/hostname": "node-1"}))
        world.wait_for("Pod", "p", within=60)
        (made,) = world.list("PersistentVolume")
        uid = world.get("PersistentVolumeClaim", "data")["metadata"]["uid"]
        assert name_of(made) == f"pvc-{uid}" == bound_to(world, "data")
        assert labels_of(made)["podo.dev/node"] == world.get("Pod", "p")["spec"]["nodeName"] == "node-1"
        assert "ProvisioningSucceeded" in [event["reason"] for event in world.events("data")]
        world.delete("PersistentVolumeClaim", "data")
        world.settle()
        assert bound_to(world, "data"), "its pod uses it"
        world.delete("Pod", "p")
        world.wait_until(lambda: not world.list("PersistentVolume"), within=120)
        assert world.list("PersistentVolumeClaim") == []


def test_an_external_provisioner_is_asked() -> None:
    with World(nodes=0) as world:
        world.apply([storage_class("theirs", "example.com/disks"), claim("data", class_="theirs")])
        world.apply([claim("lost", class_="absent"), storage_class("static", "kubernetes.io/no-provisioner")])
        world.apply(claim("static", class_="static"))
        assert "external provisioner 'example.com/disks'" in said(world, "data", "ExternalProvisioning")
        for key in ("volume.kubernetes.io/storage-provisioner", "volume.beta.kubernetes.io/storage-provisioner"):
            assert annotations_of(world.get("PersistentVolumeClaim", "data"))[key] == "example.com/disks"
        text = 'storageclass.storage.k8s.io "absent" not found'
        assert said(world, "lost", "ProvisioningFailed") == text
        text = "no volume plugin matched name: kubernetes.io/no-provisioner"
        assert said(world, "static", "ProvisioningFailed") == text
        world.apply(storage_class("absent"))
        world.settle()
        text = 'failed to provision volume with StorageClass "absent": no node is ready and takes pods'
        assert said(world, "lost", "ProvisioningFailed") == text
        world.add_node("late")
        world.wait_until(lambda: bound_to(world, "lost"), within=180)


def test_a_claim_grows() -> None:
    with World(nodes=1) as world:
        world.apply([claim("data", class_="standard"), pod("p", "data")])
        world.wait_for("Pod", "p", within=60)
        world.apply(claim("data", "5Gi", class_="standard"))
        world.settle()
        assert world.get("PersistentVolumeClaim", "data")["status"]["capacity"] == {"storage": "5Gi"}
        (made,) = world.list("PersistentVolume")
        assert made["spec"]["capacity"] == {"storage": "5Gi"}
        with pytest.raises(ApiError, match="field can not be less than"):
            world.apply(claim("data", "2Gi", class_="standard"))


def test_an_ephemeral_volume_lives_as_long_as_its_pod() -> None:
    with World(nodes=1) as world:
        spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        template = {"metadata": {"labels": {"of": "scratch"}}, "spec": spec}
        volumes = [{"name": "scratch", "ephemeral": {"volumeClaimTemplate": template}}]
        world.apply([claim("q-scratch"), pod("p", volumes=volumes), pod("q", volumes=volumes)])
        world.wait_for("Pod", "p", within=60)
        found = world.get("PersistentVolumeClaim", "p-scratch")
        assert labels_of(found) == {"of": "scratch"} and found["metadata"]["ownerReferences"][0]["name"] == "p"
        assert "PVC default/q-scratch was not created for pod default/q" in said(world, "q", "FailedBinding")
        world.delete("Pod", "p")
        world.wait_until(lambda: not world.list("PersistentVolume"), within=120)
        assert [name_of(one) for one in world.list("PersistentVolumeClaim")] == ["q-scratch"]


@pytest.mark.parametrize("seed", range(4))
def test_each_volume_has_one_claim_whatever_goes_wrong(seed: int) -> None:
    with World(nodes=2, seed=seed, faults=Faults(watch_lag=0.4 * seed, errors=0.1, losses=0.1)) as world:
        # All of one size: a claim that a fault lets take a larger volume than it needs would leave another without.
        world.apply([volume(f"pv{n}", "1Gi") for n in range(6)])
        world.apply([claim(f"c{n}", "1Gi") for n in range(6)])
        world.apply([claim(f"w{n}", class_="standard") for n in range(3)])
        world.apply([pod(f"p{n}", f"w{n}", f"c{n}") for n in range(3)])
        world.advance(120)
        for gone in ("c1", "c4"):
            world.delete("PersistentVolumeClaim", gone)
        world.delete("Pod", "p1")
        world.delete("PersistentVolumeClaim", "w1")
        world.advance(300)
        volumes = {name_of(one): one for one in world.list("PersistentVolume")}
        claims = world.list("PersistentVolumeClaim")
        assert sorted(name_of(one) for one in claims) == ["c0", "c2", "c3", "c5", "w0", "w2"]
        for one in claims:
            assert one["status"]["phase"] == "Bound", name_of(one)
            taken = volumes.pop(one["spec"]["volumeName"])
            assert taken["status"]["phase"] == "Bound"
            assert taken["spec"]["claimRef"]["uid"] == one["metadata"]["uid"]
        assert [left["status"]["phase"] for left in volumes.values()] == ["Released", "Released"]
        assert {pod["status"]["phase"] for pod in world.pods()} == {"Running"}
