#!/usr/bin/env bash
# Lesson 9: the life of a pod: its phases, what runs before, beside and at the end of it, and how a node finds out
# whether it has started, can serve, and still lives. Needs a running cluster with real containers (podo up).
here=$(cd "$(dirname "$0")" && pwd)
source "$here/../lesson.sh"
needs_containers
in_namespace lesson-probes
work=$(mktemp -d)

say "The phases of a pod: Pending (not all of it has started), Running, Succeeded, Failed." \
    "(Unknown was for nodes that are not heard of; their pods are marked for deletion today.)"
show apply -f "$here/phases.yaml" -f "$here/slow.yaml"
show wait pod/succeeded --for=jsonpath='{.status.phase}'=Succeeded --timeout=60s
show wait pod/failed --for=jsonpath='{.status.phase}'=Failed --timeout=60s
eventually CrashLoopBackOff show get pods
told "out of grapes, exit code 3" show get pod failed \
    -o jsonpath='{.status.containerStatuses[0].state.terminated.message}, exit code {.status.containerStatuses[0].state.terminated.exitCode}{"\n"}'
eventually "node affinity/selector" show get pod pending -o jsonpath='{.status.conditions[?(@.type=="PodScheduled")].message}{"\n"}'

say "Init containers go first, in their order; a sidecar stays; hooks are called at the start and at the end."
show apply -f "$here/lifecycle.yaml"
show wait pod/lifecycle --for=condition=Ready --timeout=60s
told "5 postStart hook" show exec lifecycle -c main -- cat /work/diary
[ "$($kubectl exec lifecycle -c main -- sh -c "cut -c1 /work/diary | tr -d '\n'")" = 12345 ] || fail "this order is wrong"
$kubectl logs lifecycle --all-containers --follow --timestamps >"$work/log" &
beside=$!
eventually "3 sidecar" cat "$work/log" >/dev/null
eventually "4 main" cat "$work/log" >/dev/null
show delete pod lifecycle
wait "$beside" || true
beside=""
sort "$work/log" | cut -d' ' -f2- >"$work/diary"
cat "$work/diary"
[ "$(cut -c1 "$work/diary" | tr -d '\n')" = 34678 ] || fail "this order is wrong"

say "readinessProbe: can it serve now? If not, its Service leaves it out; nothing is restarted."
show apply -f "$here/ready.yaml"
show wait pod/ready --for=jsonpath='{.status.phase}'=Running --timeout=60s
eventually "ready:false" show get endpointslices -l kubernetes.io/service-name=ready \
    -o jsonpath='ready:{.items[0].endpoints[0].conditions.ready}{"\n"}'
show exec ready -- touch /tmp/ready
show wait pod/ready --for=condition=Ready --timeout=60s
eventually "ready:true" show get endpointslices -l kubernetes.io/service-name=ready \
    -o jsonpath='ready:{.items[0].endpoints[0].conditions.ready}{"\n"}'
show exec ready -- rm /tmp/ready
show wait pod/ready --for=condition=Ready=false --timeout=60s
told "0 restarts" show get pod ready -o jsonpath='{.status.containerStatuses[0].restartCount} restarts{"\n"}'

say "livenessProbe: does it live? If not, it is started anew. This web server loses its page, and gets a new one."
show apply -f "$here/alive.yaml"
show wait pod/alive --for=condition=Ready --timeout=60s
show exec alive -- rm /usr/share/nginx/html/index.html
eventually "1 restarts" show get pod alive -o jsonpath='{.status.containerStatuses[0].restartCount} restarts{"\n"}'
show wait pod/alive --for=condition=Ready --timeout=60s
eventually "Liveness probe failed: HTTP probe failed with statuscode: 403" show events --for=pod/alive

say "startupProbe: has it started? Until then the others are not asked. (This one was made at the beginning.)"
show wait pod/slow --for=condition=Ready --timeout=60s
told "0 restarts" show get pod slow -o jsonpath='{.status.containerStatuses[0].restartCount} restarts{"\n"}'
show events --for=pod/slow
