#!/usr/bin/env bash
# Lesson 13: where pods go: labels of nodes, affinity, taints, room, and what a disruption budget prevents.
# Needs a running cluster (podo up); simulated nodes will do. It marks one node for as long as it runs.
here=$(cd "$(dirname "$0")" && pwd)
source "$here/../lesson.sh"
in_namespace lesson-scheduling
node=$($kubectl get nodes -o jsonpath='{.items[0].metadata.name}')
nodes=$($kubectl get nodes -o name | wc -l)
give_back() {  # the node, as it was
    $kubectl uncordon "$node" >/dev/null 2>&1 || true
    $kubectl taint node "$node" lesson-reserved- >/dev/null 2>&1 || true
    $kubectl label node "$node" lesson-soil- >/dev/null 2>&1 || true
}
trap 'give_back; clean_up' EXIT
why() {  # PODS: what the scheduler says of those that wait
    show get pods "$@" --field-selector=status.phase=Pending \
        -o jsonpath='{range .items[*]}{.status.conditions[?(@.type=="PodScheduled")].message}{"\n"}{end}'
}

say "nodeSelector: a pod for nodes with a label. None has it: the pod waits, and says why."
show apply -f "$here/selector.yaml"
eventually "didn't match Pod's node affinity/selector" why
show label node "$node" lesson-soil=chalk
show wait pod/picky --for=condition=Ready --timeout=60s

say "Affinity says it in more words (In, NotIn, must, should), and can look at the pods that a node has already."
show apply -f "$here/affinity.yaml"
eventually "didn't match pod affinity rules" why
show apply -f "$here/steady.yaml"
show rollout status deployment/steady --timeout=60s
show wait pod/choosy --for=condition=Ready --timeout=60s
told "$node" show get pods -o wide

say "Anti-affinity keeps pods apart: here one to a node, and one more than there are nodes."
show apply -f "$here/apart.yaml"
show scale deployment/apart --replicas="$((nodes + 1))"
eventually "didn't match pod anti-affinity rules" why -l app=apart

say "A taint keeps pods away from a node; a toleration lets one in. What runs there stays (NoExecute would end it)."
show taint node "$node" lesson-reserved=guests:NoSchedule
show apply -f "$here/stranger.yaml" -f "$here/guest.yaml"
show wait pod/guest --for=condition=Ready --timeout=60s
eventually "had untolerated taint" why
show taint node "$node" lesson-reserved-
show wait pod/stranger --for=condition=Ready --timeout=60s

say "Room is what the pods on a node have asked for, whatever they use."
show apply -f "$here/large.yaml"
eventually "Insufficient cpu" why

say "A PodDisruptionBudget stands against who empties a node: two have to stay, and there are two."
show get poddisruptionbudget steady
refused "Cannot evict pod as it would violate the pod's disruption budget" \
    show drain "$node" --pod-selector=app=steady --timeout=5s
told SchedulingDisabled show get node "$node"
show uncordon "$node"
show patch poddisruptionbudget steady -p '{"spec":{"minAvailable":0}}'
show wait poddisruptionbudget/steady --for=jsonpath='{.status.disruptionsAllowed}'=2 --timeout=60s
show drain "$node" --pod-selector=app=steady --timeout=60s
show uncordon "$node"
show rollout status deployment/steady --timeout=60s
