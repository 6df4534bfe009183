#!/usr/bin/env bash
# Lesson 3: four ways to bring a new version to users, each with users: what answered is printed second by second.
# Needs a running cluster with real containers (podo up). RATE is the requests a second.
here=$(cd "$(dirname "$0")" && pwd)
source "$here/../lesson.sh"
python=$(command -v python3)
work=$(mktemp -d)
leftovers=(deployment/myapp deployment/blue deployment/green service/myapp)

users_come() {  # they ask until users_go
    eventually nginx curl --silent --max-time 2 "http://$address/" >/dev/null
    rm -f "$work/begun"
    "$python" "$here/traffic.py" "http://$address/" --rate "${RATE:-500}" --seconds 600 --begun "$work/begun" &
    beside=$!
    eventually begun ls "$work" >/dev/null
}
users_go() {  # [seconds]: after a look at what they get; the exit code is 1 if a request has failed
    sleep "${1:-1}"
    kill -TERM "$beside" 2>/dev/null || true
    code=0
    wait "$beside" || code=$?
    beside=""
}
leads_to() {  # how many pods the Service has behind it
    local pods
    pods=$($kubectl get endpointslices -l kubernetes.io/service-name=myapp \
        -o jsonpath='{.items[*].endpoints[?(@.conditions.ready==true)].addresses[0]}')
    printf '(%s pods behind the Service)\n' "$(printf '%s' "$pods" | wc -w)"
}

needs_containers

say "A Service for whatever carries the label app=myapp."
show apply -f "$here/service.yaml"
address=$($kubectl get service myapp -o jsonpath='{.spec.clusterIP}')

say "1. Recreate: the old pods all go before new ones come. Users see a gap."
show apply -f "$here/recreate.yaml"
show rollout status deployment/myapp --timeout=60s
users_come
show set image deployment/myapp myapp=nginx:1.16.1
show rollout status deployment/myapp --timeout=60s
users_go
say "Requests failed in the gap: exit code $code."
show delete deployment/myapp --wait=true

say "2. RollingUpdate: one more, one less, until all are new. For a while both versions answer, and none fails."
show apply -f "$here/rolling.yaml"
show rollout status deployment/myapp --timeout=60s
users_come
show set image deployment/myapp myapp=nginx:1.16.1
show rollout status deployment/myapp --timeout=60s
users_go
say "Failed requests make exit code 1; it was $code. There is no preStop hook: podo sends SIGTERM when no Service sends there any more."
rolling=$code
say "And back again, as easily."
show rollout undo deployment/myapp
show rollout status deployment/myapp --timeout=60s
show delete deployment/myapp --wait=true

say "3. Blue/green: both versions stand ready, and the Service's selector turns from one to the other at once."
show apply -f "$here/blue.yaml" -f "$here/green.yaml"
show patch service myapp -p '{"spec":{"selector":{"app":"myapp","colour":"blue"}}}'
show rollout status deployment/blue --timeout=60s
show rollout status deployment/green --timeout=60s
users_come
sleep 1.5
show patch service myapp -p '{"spec":{"selector":{"app":"myapp","colour":"green"}}}'
users_go 2
bluegreen=$code

say "4. Canary: the Service takes both, and the share of the new version is its share of the pods."
show scale deployment/blue --replicas=3
show scale deployment/green --replicas=1
show rollout status deployment/green --timeout=60s
eventually "(1 pods" leads_to
show patch service myapp --type=json -p '[{"op":"remove","path":"/spec/selector/colour"}]'
eventually "(4 pods" leads_to
users_come
sleep 2.5
show scale deployment/green --replicas=3
show rollout status deployment/green --timeout=60s
show scale deployment/blue --replicas=1
users_go 2
canary=$code

say "Failed requests: rolling update $rolling, blue/green $bluegreen, canary $canary (0: none)."
[ "$rolling$bluegreen$canary" = 000 ]
