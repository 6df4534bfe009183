"""What claims, volumes and storage classes must be like, and what of them may change, as a client sees it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.apiserver.judged import Obj, causes_of, changed, collection, created, one, told
from tests.unit.apiserver.world import World, in_world

GIB: Obj = {"requests": {"storage": "1Gi"}}
CLASS = "volume.beta.kubernetes.io/storage-class"
FIXED = (
    "spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for "
    "bound claims"
)
SNAPSHOT: Obj = {"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "before"}


def claim(**spec: Any) -> Obj:
    return one("v1", "PersistentVolumeClaim", spec={"accessModes": ["ReadWriteOnce"], "resources": GIB, **spec})


def volume(**spec: Any) -> Obj:
    given = {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, **spec}
    return one("v1", "PersistentVolume", spec=given if len(spec) > 0 else {**given, "hostPath": {"path": "/x"}})


def storageclass(**fields: Any) -> Obj:
    return one("storage.k8s.io/v1", "StorageClass", provisioner="a.example/disk", **fields)


NODES: Obj = {"required": {"nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "Exists"}]}]}}
NEW: list[tuple[Obj, list[str]]] = [
    (
        claim(accessModes=["ReadWriteMuch", "ReadWriteOncePod"]),
        [
            'spec.accessModes: Unsupported value: "ReadWriteMuch": '
            'supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"'
        ],
    ),
    (
        claim(dataSourceRef={"kind": "Bucket", "name": "b"}),
        [
            'spec.dataSource: Invalid value: "Bucket": '
            "must be 'PersistentVolumeClaim' when referencing the default apiGroup",
            'spec.dataSourceRef: Invalid value: "Bucket": '
            "must be 'PersistentVolumeClaim' when referencing the default apiGroup",
        ],
    ),
    (
        claim(dataSource=SNAPSHOT, dataSourceRef={**SNAPSHOT, "name": "after"}),
        ['spec: Invalid value: "spec.dataSource": must match dataSourceRef'],
    ),
    (
        claim(resources={"requests": {"storage": "0"}}),
        ['spec.resources[storage]: Invalid value: "0": must be greater than zero'],
    ),
    (
        volume(capacity={"cpu": "1"}, hostPath={"path": "/a/../b"}),
        [
            'spec.capacity: Unsupported value: {"cpu":"1"}: supported values: "storage"',
            "spec.hostPath.path: Invalid value: \"/a/../b\": must not contain '..'",
        ],
    ),
    (volume(local={"path": "/x"}), ["spec.nodeAffinity: Required value: Local volume requires node affinity"]),
    (volume(local={"path": "/x"}, nodeAffinity=NODES), []),
    (
        volume(hostPath={"path": "/x"}, nodeAffinity={}),
        ["spec.nodeAffinity.required: Required value: must specify required node constraints"],
    ),
    (
        volume(hostPath={"path": "/x"}, nodeAffinity={"required": {"nodeSelectorTerms": []}}),
        ["spec.nodeAffinity.required.nodeSelectorTerms: Required value: must have at least one node selector term"],
    ),
    (
        volume(hostPath={"path": "//"}, persistentVolumeReclaimPolicy="Recycle"),
        ["spec.persistentVolumeReclaimPolicy: Forbidden: may not be 'recycle' for a hostPath mount of '/'"],
    ),
    (
        volume(nfs={"path": "x"}),
        [
            "spec.nfs.server: Required value",
            'spec.nfs.path: Invalid value: "x": must be an absolute path',
        ],
    ),
    (
        volume(hostPath={"path": "/x"}, volumeAttributesClassName=""),
        [
            "spec.volumeAttributesClassName: Required value: an empty string is disallowed",
            "spec.csi: Required value: has to be specified when using volumeAttributesClassName",
        ],
    ),
    (
        storageclass(
            parameters={"": "x"},
            allowedTopologies=[{"matchLabelExpressions": [{"key": "a", "values": ["b", "b"]}, {"key": "a"}]}],
        ),
        [
            'parameters: Invalid value: "": field can not be empty.',
            'allowedTopologies[0].matchLabelExpressions[0].values[1]: Duplicate value: "b"',
            "allowedTopologies[0].matchLabelExpressions[1].values: Required value",
            'allowedTopologies[0].matchLabelExpressions[1].key: Duplicate value: "a"',
        ],
    ),
]


ATTACHMENT = one("storage.k8s.io/v1", "VolumeAttachment", spec={"attacher": "a.example", "nodeName": "n"})
BOTH: Obj = {"persistentVolumeName": "a", "inlineVolumeSpec": {"hostPath": {"path": "/x"}}}
EXACTLY_ONE = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"
NEW += [
    (ATTACHMENT, [f"spec.source: Required value: {EXACTLY_ONE}"]),
    (changed(ATTACHMENT, spec__source=BOTH), [f"spec.source: Forbidden: {EXACTLY_ONE}"]),
    (
        one(
            "storage.k8s.io/v1",
            "CSIDriver",
            spec={"tokenRequests": [{"audience": "a"}, {"audience": "a"}], "volumeLifecycleModes": ["Brief"]},
        ),
        [
            'spec.tokenRequests[1].audience: Duplicate value: "a"',
            'spec.volumeLifecycleModes: Unsupported value: "Brief": supported values: "Persistent", "Ephemeral"',
        ],
    ),
    (
        one(
            "storage.k8s.io/v1",
            "CSINode",
            spec={"drivers": [{"name": "a.example", "nodeID": "n", "topologyKeys": ["a", "a"]}]},
        ),
        ['spec.drivers[0]: Duplicate value: "a"'],
    ),
]


@pytest.mark.parametrize(("given", "wanted"), NEW)
def test_what_storage_must_be_like(given: Obj, wanted: list[str]) -> None:
    assert told(given) == wanted


CHANGES: list[tuple[Obj, Obj, list[str]]] = [
    (claim(), claim(resources={"requests": {"storage": "1024Mi"}}), []),
    (claim(), claim(resources={"requests": {"storage": "2Gi"}}), [FIXED]),
    (claim(), claim(resources={**GIB, "limits": {"storage": "9Gi"}}), [FIXED]),
    (claim(), claim(volumeName="disk", storageClassName="fast"), []),
    (claim(storageClassName="fast"), claim(storageClassName="slow"), [FIXED]),
    (
        claim(volumeAttributesClassName="gold"),
        claim(),
        [FIXED, "spec.volumeAttributesClassName: Forbidden: update from non-nil value to nil is forbidden"],
    ),
    (
        changed(claim(), metadata__annotations={CLASS: "fast"}),
        changed(claim(), metadata__annotations={CLASS: "slow"}),
        [f'metadata.annotations.{CLASS}: Invalid value: "slow": field is immutable'],
    ),
    (
        volume(),
        volume(hostPath={"path": "/y"}, volumeMode="Block"),
        [
            "spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation",
            'volumeMode: Invalid value: "Block": field is immutable',
        ],
    ),
    (volume(), volume(hostPath={"path": "/x"}, nodeAffinity=NODES), []),
    (
        storageclass(),
        changed(storageclass(volumeBindingMode="WaitForFirstConsumer"), provisioner="b.example/disk"),
        [
            "provisioner: Forbidden: updates to provisioner are forbidden.",
            'volumeBindingMode: Invalid value: "WaitForFirstConsumer": field is immutable',
        ],
    ),
]


@pytest.mark.parametrize(("old", "new", "wanted"), CHANGES)
def test_what_of_storage_may_change(old: Obj, new: Obj, wanted: list[str]) -> None:
    assert told(new, old) == wanted


async def patched(world: World, obj: Obj, patch: Obj, subresource: str = "") -> list[str]:
    target = f"{collection(obj)}/{obj['metadata']['name']}{subresource}"
    return causes_of(*await world.ask("PATCH", target, patch, content_type="application/merge-patch+json"))


def test_the_node_affinity_of_a_volume_is_for_life_but_for_labels_of_old() -> None:
    async def test(world: World) -> None:
        expression = {"key": "failure-domain.beta.kubernetes.io/zone", "operator": "In", "values": ["a"]}
        terms = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
        given = volume(hostPath={"path": "/x"}, nodeAffinity={"required": terms})
        await created(world, given)
        renamed = {**expression, "key": "topology.kubernetes.io/zone"}
        for other, ending in (
            (renamed, ""),
            ({**renamed, "values": ["b"]}, "except for updating from beta label to GA"),
        ):
            new = {"nodeSelectorTerms": [{"matchExpressions": [other]}]}
            found = await patched(world, given, {"spec": {"nodeAffinity": {"required": new}}})
            assert [cause.endswith(ending) for cause in found] == ([True] if ending else [])

    in_world(test)


def test_a_bound_claim_may_grow_and_shrink_to_no_less_than_it_has() -> None:
    def size(amount: str) -> Obj:
        return {"spec": {"resources": {"requests": {"storage": amount}}}}

    async def test(world: World) -> None:
        given = claim(storageClassName="fast")
        await created(world, changed(storageclass(allowVolumeExpansion=True), metadata__name="fast"))
        await created(world, given)
        bound = {"status": {"phase": "Bound", "capacity": {"storage": "1Gi"}}}
        assert await patched(world, given, {"spec": {"volumeName": "disk"}}) == []
        assert await patched(world, given, bound, "/status") == []
        assert await patched(world, given, size("3Gi")) == []
        assert await patched(world, given, size("2Gi")) == []
        assert await patched(world, given, size("1Gi")) == [
            "spec.resources.requests.storage: Forbidden: field can not be less than status.capacity"
        ]

    in_world(test)


def test_a_source_stands_in_both_fields_and_is_dropped_where_it_was_never_known() -> None:
    async def test(world: World) -> None:
        made = await created(world, claim(dataSource=SNAPSHOT))
        assert made["spec"]["dataSourceRef"] == SNAPSHOT
        bucket = {"apiGroup": "b.example", "kind": "Bucket", "name": "b"}
        other = await created(world, changed(claim(dataSourceRef=bucket), metadata__name="b"))
        assert other["spec"]["dataSource"] == bucket
        dropped = await created(world, changed(claim(dataSource=bucket), metadata__name="c"))
        assert not {"dataSource", "dataSourceRef"} & dropped["spec"].keys()

    in_world(test)


def test_what_the_status_of_a_claim_may_say() -> None:
    status = {
        "capacity": {"storage": "-1"},
        "allocatedResourceStatuses": {"cpu": "Growing"},
        "allocatedResources": {"storage": "1Gi"},
    }
    states = (
        '"ControllerResizeInProgress", "ControllerResizeInfeasible", "NodeResizeInProgress", "NodeResizeInfeasible", '
        '"NodeResizePending"'
    )
    found = told(changed(claim(), status=status), claim(), subresource="status")
    assert found[0] == 'status.capacity[storage]: Invalid value: "-1": must be a valid resource quantity'
    assert found[1] == 'status.allocatedResourceStatus: Unsupported value: "cpu": supported values: "storage"'
    assert found[2].startswith('status.allocatedResourceStatus: Unsupported value: "cpu": supported values: "Contr')
    assert sorted(found[2].rpartition("values: ")[2].split(", ")) == sorted(states.split(", "))
