#!/usr/bin/env bash
# Lesson 11: what outlives a container, a pod, and a StatefulSet: emptyDir, hostPath, PersistentVolumes and their claims,
# a StorageClass that makes volumes. Needs a running cluster with real containers (podo up).
here=$(cd "$(dirname "$0")" && pwd)
source "$here/../lesson.sh"
needs_containers
in_namespace lesson-volumes
leftovers=(persistentvolume/lesson-disk)

say "An emptyDir is made with the pod, shared by its containers, and gone with it."
show apply -f "$here/emptydir.yaml"
show wait pod/shared --for=condition=Ready --timeout=30s
eventually 3 show exec shared -c reader -- cat /in/count
refused "Read-only file system" show exec shared -c reader -- touch /in/mine

say "A hostPath is a directory of the node: the pod sees the node's files."
show apply -f "$here/hostpath.yaml"
show wait pod/look --for=condition=Ready --timeout=30s
show exec look -- ls /node-etc/hostname

say "A PersistentVolume is offered by an administrator; a claim asks for storage, and the two are bound to each other." \
    "The claim gets all of the volume, though it asked for half."
show apply -f "$here/static.yaml"
show wait pvc/offered --for=jsonpath='{.status.phase}'=Bound --timeout=30s
told "2Gi" show get pvc offered
told "lesson-volumes/offered" show get pv lesson-disk

say "Reclaim policy Retain: when the claim is gone the volume is kept, with its data, for nobody else."
show delete pvc offered
show wait pv/lesson-disk --for=jsonpath='{.status.phase}'=Released --timeout=30s
show get pv lesson-disk

say "A StorageClass makes volumes. The default one waits for the first pod, to make the volume where that pod runs."
show get storageclass
show apply -f "$here/claim.yaml"
eventually "waiting for first consumer to be created before binding" show describe pvc notes
show apply -f "$here/writer.yaml"
show wait pod/writer --for=condition=Ready --timeout=30s
told "Bound" show get pvc notes
volume=$($kubectl get pvc notes -o jsonpath='{.spec.volumeName}')
told "Node Affinity" show describe pv "$volume"

say "The data outlives the pod: another one reads it through the claim."
eventually remember show exec writer -- cat /data/note
show delete pod writer
show apply -f "$here/reader.yaml"
show wait pod/reader --for=condition=Ready --timeout=30s
told remember show exec reader -- cat /data/note

say "A claim may grow. (podo's volumes are directories: the size is written down, and bounds nothing.)"
show patch pvc notes -p '{"spec":{"resources":{"requests":{"storage":"2Gi"}}}}'
show wait pvc/notes --for=jsonpath='{.status.capacity.storage}'=2Gi --timeout=30s
show get pvc notes

say "What is in use is not taken away: the claim goes when its pod is gone, and the volume with it (policy Delete)."
show delete pvc notes --wait=false
told "Terminating" show get pvc notes
show delete pod reader
show wait pvc/notes --for=delete --timeout=30s
show wait "pv/$volume" --for=delete --timeout=30s

say "A StatefulSet has a claim for each of its pods, and gives it to whoever comes by that name."
show apply -f "$here/statefulset.yaml"
show rollout status statefulset/store --timeout=60s
show get pvc
show delete pod store-1
show wait pod/store-1 --for=condition=Ready --timeout=30s
told store-1 show exec store-1 -- cat /data/name
echo "store-1 was started $($kubectl exec store-1 -- cat /data/log | grep -c started) times with this data."
show scale statefulset store --replicas=0
show wait pod/store-0 pod/store-1 --for=delete --timeout=30s
show scale statefulset store --replicas=2
show rollout status statefulset/store --timeout=60s
told store-0 show exec store-0 -- cat /data/name
echo "store-1 was started $($kubectl exec store-1 -- cat /data/log | grep -c started) times with this data."
