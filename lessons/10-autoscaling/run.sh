#!/usr/bin/env bash
# Lesson 10: as many pods as the work takes: what pods use (kubectl top), and a HorizontalPodAutoscaler under real load.
# Needs a running cluster with real containers (podo up).
here=$(cd "$(dirname "$0")" && pwd)
source "$here/../lesson.sh"
needs_containers
in_namespace lesson-autoscaling

usage() {  # what the pods use, and whether it is more than one pod's share (30m: 60 % of 50m)
    show top pods
    $kubectl top pods --no-headers | awk '{ sum += $2 } END { if (NR) print (sum > 30 ? "(too much for one pod)" : "(one pod is enough)") }'
}

say "A pod that asks for 50m CPU (a twentieth of a core), and gets three times as much to do."
show apply -f "$here/web.yaml"
show rollout status deployment/web --timeout=60s
first=$($kubectl get pods -o jsonpath='{.items[0].metadata.name}')
show exec "$first" -- touch /tmp/busy

say "Meanwhile it can be given more in place, without a restart. (A VerticalPodAutoscaler would decide this by itself.)"
show patch pod "$first" --subresource=resize \
    -p '{"spec":{"containers":[{"name":"web","resources":{"limits":{"cpu":"200m"}}}]}}'
eventually 200m show get pod "$first" -o jsonpath='{.status.containerStatuses[0].resources.limits.cpu}{"\n"}'
told 0 show get pod "$first" -o jsonpath='{.status.containerStatuses[0].restartCount} restarts{"\n"}'

say "The nodes measure what is used; kubectl top asks the metrics API (metrics.k8s.io), which podo has built in."
eventually "too much" usage
eventually "CPU(cores)" show top nodes

say "A HorizontalPodAutoscaler looks every 15 seconds and makes the replicas fit:" \
    "replicas = ceil(replicas now x use now / use wanted), between its minimum and its maximum." \
    "(kubectl autoscale deployment/web --min=1 --max=3 --cpu=60% writes the same.)"
show apply -f "$here/autoscaler.yaml"
show wait deployment/web --for=jsonpath='{.spec.replicas}'=3 --timeout=120s
show rollout status deployment/web --timeout=60s
eventually "New size: 3; reason: cpu resource utilization (percentage of request) above target" show describe hpa web
eventually TooManyReplicas show get hpa web -o jsonpath='{.status.conditions[?(@.type=="ScalingLimited")].reason}{"\n"}'

say "The work is done. It would wait five minutes now, lest it goes down and up again; this one is told not to."
show exec "$first" -- rm /tmp/busy
eventually "one pod is enough" usage
show patch hpa web --patch-file="$here/impatient.yaml"
show wait deployment/web --for=jsonpath='{.spec.replicas}'=1 --timeout=120s
show get hpa web

say "Two others are no part of Kubernetes itself, nor of podo: the VerticalPodAutoscaler, which sets requests, and the" \
    "cluster autoscaler, which adds nodes when pods wait for room. The one is an addition with kinds of its own:"
refused "the server doesn't have a resource type" show get verticalpodautoscalers
