#!/usr/bin/env bash
# Lesson 17: what a container is made of: namespaces and cgroups of the kernel, an image in layers, a runtime (CRI, OCI)
# that puts them together; and a network between namespaces, by hand and by CNI. Needs root, busybox, and a running
# cluster with real containers on this machine (podo up). DATA_DIR is the cluster's data directory.
here=$(cd "$(dirname "$0")" && pwd)
source "$here/../lesson.sh"
needs_containers
in_namespace lesson-containers
run() { printf '$ %s\n' "$*"; "$@"; }
take_down() {
    local each
    for each in lesson-bridge lesson-red-br lesson-blue-br; do ip link delete "$each" 2>/dev/null || true; done
    for each in lesson-red lesson-blue; do ip netns delete "$each" 2>/dev/null || true; done
}
trap 'take_down; clean_up' EXIT
take_down  # of a run that was killed

say "A network namespace is a network of its own: it has nothing but a loopback, which is down."
run ip netns add lesson-red
run ip netns add lesson-blue
run ip netns
told "lo" run ip -n lesson-red -brief link

say "A pair of virtual interfaces is a cable. One end goes into each."
run ip link add lesson-red-end type veth peer name lesson-blue-end
run ip link set lesson-red-end netns lesson-red
run ip link set lesson-blue-end netns lesson-blue
run ip -n lesson-red address add 192.168.15.1/24 dev lesson-red-end
run ip -n lesson-blue address add 192.168.15.2/24 dev lesson-blue-end
run ip -n lesson-red link set lesson-red-end up
run ip -n lesson-blue link set lesson-blue-end up
eventually "1 packets received" run ip netns exec lesson-red busybox ping -c 1 -W 1 192.168.15.2
told 192.168.15.2 run ip -n lesson-red neighbour
say "The machine itself has no part in it: both ends are gone from its own interfaces."
told "0 lesson interfaces" printf '%s lesson interfaces\n' "$(ip -brief link | grep -c lesson || true)"

say "For more than two there is a switch: a bridge. It has a cable to each namespace."
run ip -n lesson-red link delete lesson-red-end
run ip link add lesson-bridge type bridge
run ip link set lesson-bridge up
for colour in red blue; do
    run ip link add "lesson-$colour-end" type veth peer name "lesson-$colour-br"
    run ip link set "lesson-$colour-br" master lesson-bridge up
    run ip link set "lesson-$colour-end" netns "lesson-$colour"
    run ip -n "lesson-$colour" address add "192.168.15.$([ $colour = red ] && echo 1 || echo 2)/24" dev "lesson-$colour-end"
    run ip -n "lesson-$colour" link set "lesson-$colour-end" up
done
eventually "1 packets received" run ip netns exec lesson-blue busybox ping -c 1 -W 1 192.168.15.1

say "With an address on the bridge the machine takes part, and is the namespaces' way to the rest of the world."
run ip address add 192.168.15.254/24 dev lesson-bridge
run ip -n lesson-red route add default via 192.168.15.254
eventually "1 packets received" run busybox ping -c 1 -W 1 192.168.15.1
own=$($kubectl get nodes -o jsonpath='{.items[0].status.addresses[?(@.type=="InternalIP")].address}')
eventually "1 packets received" run ip netns exec lesson-red busybox ping -c 1 -W 1 "$own"

say "Pods get the same from a plug-in (CNI): a pair of interfaces, an address, a default route."
show apply -f "$here/pods.yaml"
show wait pod/pair pod/alone --for=condition=Ready --timeout=60s
told "default via" show exec pair -c one -- ip route
told eth0 show exec pair -c one -- ip address show dev eth0
address=$($kubectl get pod pair -o jsonpath='{.status.podIP}')
told veth run ip route get "$address"
node=$data/nodes/$($kubectl get pod pair -o jsonpath='{.spec.nodeName}')/containerd
if [ -r "$node/cni/10-podo.conflist" ]; then run cat "$node/cni/10-podo.conflist"; fi

say "Inside, the first process has the number 1. Outside it is a process like any other."
told "sleep 1001" show exec pair -c one -- ps
uids=$($kubectl get pods -o jsonpath='{.items[0].metadata.uid}|{.items[1].metadata.uid}')
pid() {  # SECONDS: the process on this machine that sleeps so long, in one of these pods
    local found
    for found in $(grep -l -s -E "$uids" /proc/[0-9]*/cgroup | cut -d/ -f3); do
        if grep -q -s -x -z "$1" "/proc/$found/cmdline"; then echo "$found"; return; fi
    done
    fail "no process sleeps for $1 seconds"
}
told "sleep 1001" run sh -c "tr '\\0' ' ' </proc/$(pid 1001)/cmdline"

say "Which namespaces it has: the containers of a pod share the network, and no others' is the same."
kinds="ipc mnt net pid uts"
namespaces() { for kind in $kinds; do printf '%-24s' "$(readlink "/proc/$1/ns/$kind")"; done; printf '\n'; }
for each in 1001 1002 1003; do printf 'sleep %s: ' "$each"; namespaces "$(pid "$each")"; done
of() { readlink "/proc/$(pid "$1")/ns/$2"; }
[ "$(of 1001 net)" = "$(of 1002 net)" ] || fail "the containers of a pod should share the network"
[ "$(of 1001 net)" != "$(of 1003 net)" ] || fail "two pods should have a network each"
[ "$(of 1001 mnt)" != "$(of 1002 mnt)" ] || fail "two containers should have a file system each"

say "What it may use is in its cgroup; its file system is the layers of the image, and one of its own on top (overlay)."
told kubepods run grep -E "^0:|memory" "/proc/$(pid 1001)/cgroup"
told "overlay on / " show exec pair -c one -- mount

say "The kubelet asks a runtime for all this, by the CRI; the runtime (containerd) calls runc, as the OCI has it."
told containerd show get nodes -o wide
socket=$node/c.sock
if [ -S "$socket" ]; then
    told pause run ctr --address "$socket" --namespace k8s.io containers list
    told busybox run ctr --address "$socket" --namespace k8s.io images list --quiet
    id=$($kubectl get pod pair -o jsonpath='{.status.containerStatuses[0].containerID}')
    told '"ociVersion"' run sh -c "ctr --address $socket --namespace k8s.io containers info ${id#containerd://} | grep -A 3 ociVersion"
else
    echo "(no containerd at $data: set DATA_DIR to see it)"
fi

say "The first container of each pod, pause, does nothing but hold the pod's network: when a container dies, and is" \
    "started anew, the pod keeps its address."
run kill -KILL "$(pid 1002)"
show wait pod/pair --for='jsonpath={.status.containerStatuses[?(@.name=="two")].restartCount}=1' --timeout=60s
told "$address" show get pod pair -o wide
