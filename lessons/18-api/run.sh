#!/usr/bin/env bash
# Lesson 18: the API behind kubectl: asked with curl, by certificate and by token; its groups and versions, those that are
# gone, and what the control plane says of itself. Needs a running cluster (podo up), curl and openssl; simulated nodes
# will do.
here=$(cd "$(dirname "$0")" && pwd)
source "$here/../lesson.sh"
in_namespace lesson-api
alone="${KUBECTL:-$root/build/bin/kubectl}"  # of no cluster yet
work=$(mktemp -d)
run() { printf '$ %s\n' "$*"; "$@"; }
decoded() { $kubectl config view --minify --raw --flatten -o jsonpath="{$1}" | base64 -d; }
server=$($kubectl config view --minify -o jsonpath='{.clusters[0].cluster.server}')
decoded .clusters[0].cluster.certificate-authority-data >"$work/ca.crt"
decoded .users[0].user.client-certificate-data >"$work/admin.crt"
(umask 077; decoded .users[0].user.client-key-data >"$work/admin.key")
cd "$work"
ask() {  # PATH OPTIONS of curl: as the administrator
    local path=$1
    shift
    run curl --silent --show-error --max-time 60 --cacert ca.crt --cert admin.crt --key admin.key "$@" "$server$path"
}
pods=/api/v1/namespaces/lesson-api/pods

say "Every command of kubectl is a request or two. -v=6 shows them."
told "/api/v1/namespaces/lesson-api/pods" show get pods -v=6

say "Anything that speaks HTTPS can ask. Both sides show certificates: the server's says which names it answers to,"
openssl s_client -connect "${server#https://}" </dev/null >handshake 2>/dev/null
openssl x509 -in handshake -out server.crt
told kubernetes.default.svc.cluster.local run openssl x509 -in server.crt -noout -subject -issuer -enddate -ext subjectAltName
say "the client's who is asking: CN is the user, O the group."
told system:masters run openssl x509 -in admin.crt -noout -subject -issuer -enddate
refused "certificate" run curl --silent --show-error --max-time 60 "$server/version"
told '"major"' run curl --silent --max-time 60 --cacert ca.crt "$server/version"
told 'pods is forbidden: User \"system:anonymous\"' run curl --silent --max-time 60 --cacert ca.crt "$server$pods"
told '"kind": "PodList"' ask "$pods"

say "kubectl takes the same as flags; a kubeconfig saves typing them."
told "No resources found" run env KUBECONFIG=/dev/null "$alone" get pods --namespace=lesson-api --server="$server" \
    --certificate-authority=ca.crt --client-certificate=admin.crt --client-key=admin.key

say "The API in groups: the core group below /api, the others below /apis, each with versions; then kinds and verbs."
told '"v1"' ask /api
ask /apis | grep '      "name"'
ask /apis/apps/v1 | grep '"name"'
told ok ask /healthz
ask /metrics >metrics
grep -m 4 apiserver_request_total metrics
say "kubectl proxy asks with your certificate for whoever is on this machine."
$kubectl proxy --port=0 >proxied 2>&1 &
beside=$!
eventually "Starting to serve" cat proxied
told /apis/apps/v1 run curl --silent --max-time 60 "http://$(sed -n 's/^Starting to serve on //p' proxied)/"
end_beside

say "Make, find, change, watch, delete: POST, GET, PATCH, GET with watch, DELETE."
show create secret generic database --from-literal=password=grape
json="Content-Type: application/json"
told '"phase": "Pending"' ask "$pods" -X POST -H "$json" --data "@$here/pod.json"
told '"reason": "AlreadyExists"' ask "$pods" -X POST -H "$json" --data "@$here/pod.json"
told '"name": "by-curl"' ask "$pods?labelSelector=app%3Dby-curl&limit=1"
told '"release": "canary"' ask "$pods/by-curl" -X PATCH -H "Content-Type: application/merge-patch+json" \
    --data '{"metadata":{"labels":{"release":"canary"}}}'
told '"type":"ADDED"' ask "$pods?watch=true&timeoutSeconds=2"
show wait pod/by-curl --for=condition=Ready --timeout=60s

say "Programs have ServiceAccounts, and tokens. Who it is, for whom the token is and when it ends can be read in it."
show create serviceaccount dashboard
told "Tokens:              <none>" printf 'Tokens:              %s\n' "$($kubectl get sa dashboard -o jsonpath='{.secrets}' | grep . || echo '<none>')"
token=$($kubectl create token dashboard --duration=10m)
middle=$(printf '%s' "$token" | cut -d. -f2 | tr '_-' '/+')
told system:serviceaccount:lesson-api:dashboard sh -c "printf '%s==' '$middle' | base64 -d 2>/dev/null; echo"
bearer() { printf '$ curl --header "Authorization: Bearer ..." %s\n' "$server$1"; curl --silent --max-time 60 --cacert ca.crt --header "Authorization: Bearer $token" "$server$1"; }
told 'User \"system:serviceaccount:lesson-api:dashboard\" cannot list resource \"pods\"' bearer "$pods"
show create rolebinding dashboard --clusterrole=view --serviceaccount=lesson-api:dashboard
told by-curl bearer "$pods"
say "Until 1.24 each account had a token for ever, in a Secret. Today one has to ask for that."
show apply -f "$here/token.yaml"
show wait secret/dashboard-token --for=jsonpath='{.data.token}' --timeout=60s

say "Nodes ask too, and get what their pods need: this Secret, for a pod of theirs uses it (the Node authorizer); no other."
node=$($kubectl get pod by-curl -o jsonpath='{.spec.nodeName}')
as_node() { show auth can-i "$@" --as="system:node:$node" --as-group=system:nodes; }
told yes as_node get secret/database
refused no as_node get secret/dashboard-token
told yes as_node get pod/by-curl
refused no as_node create deployments

say "Versions come and go: from alpha (off) by beta to stable, and the former ones are taken away some releases later."
refused 'no matches for kind "Deployment" in version "extensions/v1beta1"' show apply -f "$here/former.yaml"
told 404 ask /apis/extensions/v1beta1 --write-out '%{http_code}\n' --output nothing
told apps/v1 show api-resources --api-group=apps
told "VERSION:    v1" show explain ingress --api-version=networking.k8s.io/v1

say "What the control plane says of itself."
told "Healthy" show get componentstatuses
told "livez check passed" show get --raw '/livez?verbose'

ask "$pods/by-curl" -X DELETE --output nothing
show wait pod/by-curl --for=delete --timeout=60s
