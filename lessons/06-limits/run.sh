#!/usr/bin/env bash
# Lesson 6: many teams on one cluster: a Namespace for each, what all of a team may have (ResourceQuota), and what each
# container may have (LimitRange). Needs a running cluster with real containers (podo up).
here=$(cd "$(dirname "$0")" && pwd)
source "$here/../lesson.sh"
needs_containers

say "A Namespace is a cluster within the cluster: names have to be unique only there."
in_namespace lesson-limits
show create configmap settings --from-literal=colour=grape
refused 'configmaps "settings" already exists' show create configmap settings --from-literal=colour=lime
$kubectl create configmap settings --namespace=default --from-literal=colour=lime --dry-run=server
echo "(in another namespace the name would be free)"

say "Some things belong to the whole cluster, to no namespace."
show api-resources --namespaced=false --api-group=
show api-resources --namespaced=false --api-group=storage.k8s.io

say "A ResourceQuota bounds what all of the namespace has together."
show apply -f "$here/resourcequota.yaml"
eventually "services.nodeports  0" show describe resourcequota team-quota

say "Where CPU and memory are bounded, every pod has to say how much it wants."
refused "must specify limits.cpu for: main" show apply -f "$here/silent.yaml"

say "This one does, and is counted."
show apply -f "$here/frugal.yaml"
show wait pod/frugal --for=condition=Ready --timeout=60s
told "requests.cpu        200m   1" show describe resourcequota team-quota

say "This one wants 900m CPU, and 200m of 1 are given away already."
refused "exceeded quota: team-quota, requested: requests.cpu=900m, used: requests.cpu=200m, limited: requests.cpu=1" \
    show apply -f "$here/greedy.yaml"

say "It is not about CPU and memory only. No Service may be opened on the nodes:"
refused "exceeded quota: team-quota, requested: services.nodeports=1" show create service nodeport web --tcp=80

say "A LimitRange bounds each container, and speaks for those that say nothing."
show apply -f "$here/limitrange.yaml"
show describe limitrange container-sizes
show apply -f "$here/silent.yaml"
told '"cpu":"200m"' show get pod silent -o jsonpath='{.spec.containers[0].resources}'
refused "maximum cpu usage per Container is 500m, but limit is 900m" show apply -f "$here/greedy.yaml"

say "The kernel holds the container to it: these are the limits as it sees them, in bytes and in microseconds of CPU."
show wait pod/silent --for=condition=Ready --timeout=60s
limits='cd /sys/fs/cgroup; cat memory.max cpu.max 2>/dev/null ||
    cat memory/memory.limit_in_bytes cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us'
told 67108864 show exec silent -- sh -c "$limits"

say "What was asked for decides who goes first when a node runs out of memory: BestEffort, then Burstable, then Guaranteed."
told Burstable show get pods -o custom-columns=NAME:.metadata.name,QOS:.status.qosClass

say "More CPU than the limit: it has to wait. More memory: the kernel ends it (137 is 128 + SIGKILL)."
show apply -f "$here/glutton.yaml"
show wait pod/glutton --for=jsonpath='{.status.phase}'=Failed --timeout=60s
eventually "OOMKilled 137" show get pod glutton -o jsonpath='{.status.containerStatuses[0].state.terminated.reason} {.status.containerStatuses[0].state.terminated.exitCode}'

say "Who makes pods for you is refused too: a Deployment of 5 gets what is left (a pod that has ended no longer counts)."
show apply -f "$here/crowd.yaml"
show wait deployment/crowd --for=jsonpath='{.status.readyReplicas}'=1 --timeout=60s
eventually "exceeded quota: team-quota, requested: pods=1, used: pods=3, limited: pods=3" \
    show get deployment crowd -o jsonpath='{.status.conditions[?(@.type=="ReplicaFailure")].message}'

say "Room for more, and it goes on by itself."
show patch resourcequota team-quota -p '{"spec":{"hard":{"pods":"10"}}}'
show rollout status deployment/crowd --timeout=60s
show describe namespace lesson-limits

say "Whoever deletes the namespace deletes all that is in it."
show delete namespace lesson-limits --timeout=60s
refused 'namespaces "lesson-limits" not found' show get namespace lesson-limits
