#!/usr/bin/env bash
# Lesson 19: nodes: what runs on each, how one is emptied for work on it, and taken into use again. Needs a running cluster
# of two nodes or more (podo up --runtime simulated --nodes 2). It keeps pods
# from one node for as long as it runs: better not where others work. With LOST=yes it also switches off a simulated node,
# which takes a minute.
here=$(cd "$(dirname "$0")" && pwd)
source "$here/../lesson.sh"
nodes=$($kubectl get nodes -o name | wc -l)
[ "$nodes" -ge 2 ] || { echo "This lesson needs two nodes: podo up --runtime simulated --nodes 2" >&2; exit 6; }
in_namespace lesson-nodes
node=$($kubectl get nodes -o jsonpath='{.items[1].metadata.name}')
give_back() {  # the node, as it was
    $kubectl uncordon "$node" >/dev/null 2>&1 || true
    $kubectl taint node "$node" lesson-maintenance- >/dev/null 2>&1 || true
    $kubectl label node "$node" lesson-hardware- >/dev/null 2>&1 || true
    $kubectl annotate node "$node" podo.dev/power- >/dev/null 2>&1 || true
}
trap 'give_back; clean_up' EXIT
here_are() { printf '%s on %s\n' "$($kubectl get pods -l "$1" --field-selector="spec.nodeName=$node" -o name | wc -l)" "$node"; }  # SELECTOR
drain() { show drain "$node" --pod-selector=lesson=nodes --timeout=60s "$@"; }

say "A node is a machine with a kubelet. It tells what it has, how it is, and what it has given away."
show get nodes -o wide
told "Allocatable:" show describe node "$node"

say "A DaemonSet runs one pod on each; its hostPort is a port of the node itself."
show apply -f "$here/daemonset.yaml"
show rollout status daemonset/fluentd-daemon --timeout=60s
told "$nodes" show get daemonset fluentd-daemon
say "Another pod with that port finds no place."
show apply -f "$here/rival.yaml"
eventually "didn't have free ports for the requested pod ports" show get pod rival \
    -o jsonpath='{.status.conditions[?(@.type=="PodScheduled")].message}{"\n"}'
show delete pod rival

say "With a nodeSelector it follows a label: there it runs, elsewhere it does not."
show apply -f "$here/gpu.yaml"
eventually 0 show get daemonset gpu-plugin
show label node "$node" lesson-hardware=gpu
show wait daemonset/gpu-plugin --for=jsonpath='{.status.numberReady}'=1 --timeout=60s
show label node "$node" lesson-hardware-
eventually "0 on $node" here_are name=gpu-plugin

say "cordon: nothing new comes here. What runs, runs."
show apply -f "$here/myapp.yaml"
show rollout status deployment/myapp --timeout=60s
sed "s/\${NODE}/$node/" "$here/bare.yaml" | show apply -f -
show wait pod/bare pod/patient --for=condition=Ready --timeout=60s
show cordon "$node"
told SchedulingDisabled show get node "$node"
before=$(here_are app=myapp)
show scale deployment/myapp --replicas=6
show rollout status deployment/myapp --timeout=60s
told "$before" here_are app=myapp

say "drain: cordon, and evict what is there. It stops before what would be lost:"
refused "cannot delete DaemonSet-managed Pods" drain
say "a pod that nobody makes again, and data in an emptyDir. One has to mean it."
refused "cannot delete Pods that declare no controller" drain --ignore-daemonsets --delete-emptydir-data
refused "cannot delete Pods with local storage" drain --ignore-daemonsets --force
told "drained" drain --ignore-daemonsets --force --delete-emptydir-data
show rollout status deployment/myapp --timeout=60s
told "0 on $node" here_are app=myapp
told "1 on $node" here_are name=fluentd-daemon

say "Now the node can be worked on: a new kernel, a new version of podo (podo down, podo up), a new machine. Then:"
show uncordon "$node"
say "Pods that have gone elsewhere stay there; new ones come here again."
told "0 on $node" here_are app=myapp
show scale deployment/myapp --replicas=12
show rollout status deployment/myapp --timeout=60s
here_are app=myapp

say "A taint NoExecute ends what does not tolerate it; who tolerates it for two seconds has two seconds. So the cluster" \
    "itself does with a node that is not heard of any more: 50 seconds until it is given up, 5 minutes that pods tolerate."
sed "s/\${NODE}/$node/" "$here/bare.yaml" | show apply -f -
show wait pod/patient --for=condition=Ready --timeout=60s
show taint node "$node" lesson-maintenance=now:NoExecute
eventually "0 on $node" here_are app=myapp
show get pod patient || true
show rollout status deployment/myapp --timeout=60s
show wait pod/patient --for=delete --timeout=60s
told "1 on $node" here_are name=fluentd-daemon
show taint node "$node" lesson-maintenance-

[ "${LOST:-no}" = yes ] || exit 0
say "LOST=yes: the machine is gone, without a word. (Deployments may say how long their pods wait for it: here 5 seconds.)"
show patch deployment myapp -p '{"spec":{"template":{"spec":{"tolerations":[{"key":"node.kubernetes.io/unreachable","operator":"Exists","effect":"NoExecute","tolerationSeconds":5}]}}}}'
show rollout status deployment/myapp --timeout=60s
here_are app=myapp
show annotate node "$node" podo.dev/power=off
show wait "node/$node" --for=condition=Ready=Unknown --timeout=120s
told NotReady show get node "$node"
eventually node.kubernetes.io/unreachable show get node "$node" -o jsonpath='{.spec.taints[*].key}{"\n"}'
say "Its pods are marked to go; that they have gone nobody can tell while it is silent. Others take their place."
eventually 12 show get deployment myapp -o jsonpath='{.status.readyReplicas}{"\n"}'
told Terminating show get pods -o wide --field-selector="spec.nodeName=$node"
say "The machine is back: what was marked goes now."
show annotate node "$node" podo.dev/power-
show wait "node/$node" --for=condition=Ready --timeout=60s
eventually "0 on $node" here_are app=myapp
