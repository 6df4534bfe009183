#!/usr/bin/env bash
# Lesson 8: one address for pods that come and go: every type of Service, names, and who may reach whom.
# Needs a running cluster with real containers (podo up).
here=$(cd "$(dirname "$0")" && pwd)
source "$here/../lesson.sh"
needs_containers
in_namespace lesson-services
work=$(mktemp -d)

from() { local pod=$1; shift; show exec "$pod" -- "$@"; }  # POD COMMAND: run in the pod
answers() {  # URL: which pods answer 20 requests of the client
    show exec client -- sh -c "for i in \$(seq 20); do timeout 5 wget -qO- $1; done | sort | uniq -c"
}
how_many() { grep -c '[0-9] hostname-server-' || true; }

say "Pods have addresses of their own, and lose them with their lives."
show apply -f "$here/hostname-server.yaml" -f "$here/client.yaml"
show rollout status deployment/hostname-server --timeout=60s
show wait pod/client pod/stranger --for=condition=Ready --timeout=60s
show get pods -l app=hostname-server -o custom-columns=NAME:.metadata.name,IP:.status.podIP

say "ClusterIP: one address inside the cluster for all pods that the selector finds, and that are ready."
show apply -f "$here/clusterip.yaml"
show get service clusterip-hostname-service
show get endpointslices -l kubernetes.io/service-name=clusterip-hostname-service
eventually hostname-server- from client wget -T 2 -qO- clusterip-hostname-service:8080
answers clusterip-hostname-service:8080 >"$work/answers"
cat "$work/answers"
[ "$(how_many <"$work/answers")" -ge 2 ] || fail "more than one pod should have answered"

say "Its name: SERVICE in the same namespace, SERVICE.NAMESPACE from others, and in full:"
eventually svc.cluster.local from client nslookup clusterip-hostname-service.lesson-services.svc.cluster.local
told "search lesson-services.svc.cluster.local" from client cat /etc/resolv.conf
say "Pods that start later have it in variables too."
show run in-variables --image=busybox:1.28 --restart=Never --command -- env
show wait pod/in-variables --for=jsonpath='{.status.phase}'=Succeeded --timeout=60s
told CLUSTERIP_HOSTNAME_SERVICE_SERVICE_HOST show logs in-variables

say "Pods that go are left out at once, and new ones let in: nobody has to know."
former=$($kubectl get pods -l app=hostname-server -o name)
show delete pods -l app=hostname-server --wait=false
show rollout status deployment/hostname-server --timeout=60s
eventually hostname-server- from client wget -T 2 -qO- clusterip-hostname-service:8080

say "ClientIP affinity: the same client, the same pod."
show patch service clusterip-hostname-service -p '{"spec":{"sessionAffinity":"ClientIP"}}'
one_answers() {
    answers clusterip-hostname-service:8080 >"$work/answers"
    cat "$work/answers"
    [ "$(how_many <"$work/answers")" = 1 ] && echo "(one and the same)"
}
eventually "one and the same" one_answers

say "NodePort: besides, a port of every node, for those outside."
show apply -f "$here/nodeport.yaml"
node=$($kubectl get nodes -o jsonpath='{.items[0].status.addresses[?(@.type=="InternalIP")].address}')
outside() { printf '$ curl http://%s:30808/\n' "$node"; curl --silent --max-time 2 "http://$node:30808/"; }
eventually hostname-server- outside
refused "provided port is already allocated" show create service nodeport another --tcp=80 --node-port=30808
refused "provided port is not in the valid range" show create service nodeport another --tcp=80 --node-port=80

say "LoadBalancer: a cloud would give it an address outside. Without a cloud it stays <pending>, and is a NodePort."
show apply -f "$here/loadbalancer.yaml"
told "<pending>" show get service hello-node-svc

say "ExternalName: a name inside for something outside."
show apply -f "$here/externalname.yaml"
told "www.example.com" show get service my-service
eventually "canonical name = www.example.com" from client nslookup -type=cname my-service.lesson-services.svc.cluster.local

say "Headless: the name gives the pods themselves. Databases want to know whom they talk to."
show apply -f "$here/headless.yaml"
$kubectl wait $former --for=delete --timeout=60s >/dev/null
address=$($kubectl get pods -l app=hostname-server -o jsonpath='{.items[0].status.podIP}')
eventually "$address" from client nslookup -type=a headless.lesson-services.svc.cluster.local

say "Network policies: so far everybody reaches everybody."
eventually hostname-server- from client wget -T 2 -qO- headless
eventually hostname-server- from stranger wget -T 2 -qO- headless
show apply -f "$here/networkpolicy.yaml"
stranger_is_out() { from stranger wget -T 1 -qO- headless 2>&1 || echo "(the stranger is out)"; }
eventually "the stranger is out" stranger_is_out
eventually hostname-server- from client wget -T 2 -qO- headless
show label pod stranger role=client
eventually hostname-server- from stranger wget -T 1 -qO- headless
