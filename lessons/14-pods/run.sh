#!/usr/bin/env bash
# Lesson 14: the pod itself: written by hand and with kubectl, looked at, entered, copied to, reached; two containers in
# one; and a pod that the node makes by itself. Needs a running cluster with real containers (podo up). DATA_DIR is the
# cluster's data directory.
here=$(cd "$(dirname "$0")" && pwd)
source "$here/../lesson.sh"
needs_containers
in_namespace lesson-pods
work=$(mktemp -d)
run() { printf '$ %s\n' "$*"; "$@"; }
manifest=""
finish() { [ -z "$manifest" ] || rm -f "$manifest"; clean_up; }
trap finish EXIT

say "A manifest is YAML: what belongs to what is said by how deep it stands. This one is wrong in one line."
refused "did not find expected '-' indicator" show apply -f "$here/misindented.yaml"
say "Names are checked too. Nothing is made of a manifest with a mistake."
sed 's/containerPort/containerport/' "$here/simple-pod.yaml" |
    refused 'unknown field "spec.containers[0].ports[0].containerport"' show apply -f -
say "And types: true is no string, 'true' is one."
refused "cannot unmarshal bool" show apply -f "$here/settings.yaml"
sed "s/true\$/'true'/" "$here/settings.yaml" | show apply -f -

say "kubectl VERB TYPE NAME FLAGS: make a pod, wait for it, look at it."
show apply -f "$here/simple-pod.yaml"
show apply -f "$here/echoserver.yaml" -f "$here/sidecar.yaml"
show wait pod/nginx --for=condition=Ready --timeout=60s
show get pods
show get pod nginx -o wide
told "image: nginx:1.14.1" show get pod nginx -o yaml
eventually "Successfully assigned lesson-pods/nginx" show describe pod nginx

say "kubectl run writes such a manifest for you: have a look, or have it made."
told "image: nginx:1.14.1" show run web --image=nginx:1.14.1 --port=80 --dry-run=client -o yaml
show explain pod.spec.containers.command

say "The echo server: its command and arguments are its manifest's, not its image's."
show wait pod/echoserver --for=condition=Ready --timeout=60s
eventually "hello from the echoserver" show logs echoserver
told REQUEST_METHOD=GET show exec echoserver -- wget -qO- 'localhost:8080/cgi-bin/echo?grape=campbell'

say "Files go in and out."
echo "from outside" >"$work/note"
show cp "$work/note" echoserver:/www/note.txt
told "from outside" show exec echoserver -- cat /www/note.txt
show cp echoserver:/www/cgi-bin/echo "$work/echo"
told "Content-Type" cat "$work/echo"

say "port-forward: a port of this machine leads to the pod, for as long as kubectl runs."
$kubectl port-forward pod/echoserver :8080 >"$work/forward" 2>&1 &
beside=$!
eventually "Forwarding from 127.0.0.1" cat "$work/forward"
port=$(sed -n 's/^Forwarding from 127.0.0.1:\([0-9]*\) .*/\1/p' "$work/forward")
eventually QUERY_STRING=by=port-forward curl --silent --max-time 5 "http://127.0.0.1:$port/cgi-bin/echo?by=port-forward"
end_beside

say "expose: a Service for it, with what its labels and its port say."
show expose pod echoserver --type=NodePort
told '{"app":"echoserver"}' show get service echoserver -o jsonpath='{.spec.selector}'
address=$($kubectl get service echoserver -o jsonpath='{.spec.clusterIP}')
eventually QUERY_STRING=by=service curl --silent --max-time 5 "http://$address:8080/cgi-bin/echo?by=service"

say "Two containers of a pod: localhost is the same for both, and so are the ports. A second server at port 80 cannot be."
show wait pod/with-sidecar --for=jsonpath='{.status.containerStatuses[?(@.name=="sidecar")].ready}'=true --timeout=60s
eventually grapes show exec with-sidecar -c sidecar -- wget -qO- localhost
eventually "url:/" show logs with-sidecar -c sidecar
eventually "Address already in use" show logs with-sidecar -c too-late
say "Without a name kubectl takes the first one."
told "Defaulted container \"web\" out of: web, sidecar, too-late" show exec with-sidecar -- hostname

say "A pod that nobody looks after is gone when it is gone. (What looks after pods: lessons 2 and 15.)"
show delete pod nginx echoserver with-sidecar --now
told "No resources found" show get pods

say "A static pod is the node's own: its kubelet runs what stands in a directory of manifests, whether or not there is an" \
    "API server. (kubeadm starts the API server itself so.)"
node=$($kubectl get nodes -o jsonpath='{.items[0].metadata.name}')
manifests=$data/nodes/$node/manifests
[ -w "$manifests" ] || { echo "(no directory $manifests: set DATA_DIR to see it)"; exit 0; }
manifest=$manifests/lesson-static-web.yaml
run cp "$here/static-web.yaml" "$manifest"
say "The API shows it by a mirror: the name has the node's name at its end, and the node is its owner."
eventually "static-web-$node" show get pods -o name
show wait "pod/static-web-$node" --for=condition=Ready --timeout=60s
told "Controlled By:" show describe pod "static-web-$node"
told '"file"' show get pod "static-web-$node" -o 'jsonpath="{.metadata.annotations.kubernetes\.io/config\.source}"'
eventually "Hello static web" show exec "static-web-$node" -- wget -qO- localhost
say "To delete the mirror is to delete a picture: it is made anew, and the container runs on. drain passes it over."
of() { $kubectl get pod "static-web-$node" -o jsonpath="$1"; }
id=$(of '{.status.containerStatuses[0].containerID}')
show delete pod "static-web-$node"
eventually "$id" of '{.status.containerStatuses[0].containerID}'
say "A changed manifest is a new pod."
hash=$(of '{.metadata.annotations.kubernetes\.io/config\.hash}')
sed 's/Hello/Goodbye/' "$here/static-web.yaml" >"$manifest"
eventually "Goodbye static web" show exec "static-web-$node" -- wget -qO- localhost
has_another_hash() {
    local now
    now=$(of '{.metadata.annotations.kubernetes\.io/config\.hash}')
    [ -n "$now" ] && [ "$now" != "$hash" ] && echo "(and another hash)"
}
eventually "another hash" has_another_hash
say "It may use nothing that only the API has: no Secret, no ConfigMap, no ServiceAccount. The node says so, and the pod" \
    "ends, as it does when the file goes."
printf '  serviceAccountName: default\n' >>"$manifest"
eventually "static pods may not reference serviceaccounts" show get events --namespace default \
    --field-selector "involvedObject.name=$node,reason=FailedValidation" -o 'jsonpath={.items[-1:].message}{"\n"}'
eventually "No resources found" show get pods
run rm "$manifest"
