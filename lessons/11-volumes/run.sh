#!/usr/bin/env bash
# Lesson 11: what stays when a container ends, when a pod ends, and when both do: emptyDir, hostPath, PersistentVolumes.
# Needs a running cluster with real containers on this machine (podo up).
here=$(cd "$(dirname "$0")" && pwd)
source "$here/../lesson.sh"
needs_containers
work=$(mktemp -d)
in_namespace lesson-volumes
leftovers+=(persistentvolume/lesson-pv-vol1)
with_directory() { sed "s|\${DIRECTORY}|$2|" "$here/$1"; }  # MANIFEST DIRECTORY

say "emptyDir: made with the pod, shared by its containers, gone with it. A container's end does not touch it."
show apply -f "$here/emptydir.yaml"
show wait pod/test-pd --for=condition=Ready --timeout=60s
show exec test-pd -c test-container -- sh -c 'echo kept > /cache/note; echo lost > /note'
told kept show exec test-pd -c other-container -- cat /also-cache/note
refused "Read-only file system" show exec test-pd -c other-container -- touch /also-cache/mine
show exec test-pd -c other-container -- touch /tmp/end || true  # cut short if the container ends before it
show wait pod/test-pd --for=jsonpath='{.status.containerStatuses[?(@.name=="other-container")].restartCount}'=1 --timeout=60s
eventually kept show exec test-pd -c other-container -- cat /also-cache/note

say "In memory it is as large as its limit."
refused "No space left on device" show exec test-pd -c test-container -- dd if=/dev/zero of=/memory/large bs=1M count=9

say "hostPath: a directory of the node, for what belongs to the node."
mkdir "$work/data"
echo "of the node" >"$work/data/note"
with_directory hostpath.yaml "$work/data" | show apply -f -
show wait pod/test-pd-on-host --for=condition=Ready --timeout=60s
told "of the node" show exec test-pd-on-host -- cat /test-pd/note
show exec test-pd-on-host -- sh -c 'echo of a pod > /test-pd/note'
printf '$ cat %s\n' "$work/data/note"
told "of a pod" cat "$work/data/note"

say "A PersistentVolume is storage that somebody has set up; a PersistentVolumeClaim asks for some. One gets one."
mkdir "$work/volume"
with_directory persistentvolume.yaml "$work/volume" | show apply -f -
eventually Available show get persistentvolume lesson-pv-vol1
show apply -f "$here/claim.yaml" -f "$here/large-claim.yaml"
show wait pvc/my-claim --for=jsonpath='{.status.phase}'=Bound --timeout=60s
told lesson-volumes/my-claim show get persistentvolume lesson-pv-vol1
say "There is none of 500Gi: this one waits."
told Pending show get pvc large-claim

say "Pods name the claim. What they write is there for the next one."
show apply -f "$here/claim-pod.yaml"
show wait pod/writer --for=condition=Ready --timeout=60s
show exec writer -- sh -c 'echo written by the first > /data/note'
show delete pod writer
show apply -f "$here/claim-pod.yaml"
show wait pod/writer --for=condition=Ready --timeout=60s
told "written by the first" show exec writer -- cat /data/note

say "A claim in use is protected: it goes when the pod has gone. Its volume is kept (Retain), for nobody else: Released."
show delete pvc my-claim --wait=false
told "kubernetes.io/pvc-protection" show get pvc my-claim -o jsonpath='{.metadata.deletionTimestamp} {.metadata.finalizers}{"\n"}'
show delete pod writer
show wait pvc/my-claim --for=delete --timeout=60s
eventually Released show get persistentvolume lesson-pv-vol1
told "written by the first" cat "$work/volume/note"

say "A StorageClass makes volumes as they are asked for. This one waits until it knows the pod's node."
show get storageclass
show apply -f "$here/statefulset.yaml"
show rollout status statefulset/web --timeout=60s
show get pvc -l app=nginx

say "Each pod of a StatefulSet finds its own again."
for pod in web-0 web-1; do show exec "$pod" -- sh -c 'hostname > /usr/share/nginx/html/index.html'; done
show delete pod web-0 web-1
show rollout status statefulset/web --timeout=60s
eventually web-1 show exec web-1 -- cat /usr/share/nginx/html/index.html

say "Claims stay when the StatefulSet goes; with the claims, the volumes go (Delete)."
show delete statefulset web --cascade=foreground
told www-web-1 show get pvc -l app=nginx
volume=$($kubectl get pvc www-web-1 -o jsonpath='{.spec.volumeName}')
show delete pvc www-web-0 www-web-1
show wait "pv/$volume" --for=delete --timeout=60s
