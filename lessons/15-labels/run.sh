#!/usr/bin/env bash
# Lesson 15: names, labels, annotations: how things are found, who looks after whom, and namespaces and contexts.
# Needs a running cluster (podo up); simulated nodes will do.
here=$(cd "$(dirname "$0")" && pwd)
source "$here/../lesson.sh"
context=${CONTEXT:-podo-default}
alone="${KUBECTL:-$root/build/bin/kubectl}"  # of no cluster yet
work=$(mktemp -d)
in_namespace lesson-labels
pods_are() { printf '%s pods\n' "$($kubectl get pods -o name "$@" | wc -l)"; }  # SELECTOR...
owner() { show get "$1" -o jsonpath='{.metadata.ownerReferences[0].kind} {.metadata.ownerReferences[0].name}{"\n"}'; }

say "A ReplicationController keeps a number of pods. It is the oldest controller; a ReplicaSet has better selectors."
show apply -f "$here/replicationcontroller.yaml" -f "$here/replicaset.yaml"
show wait rc/nginx --for=jsonpath='{.status.readyReplicas}'=2 --timeout=60s
show wait rs/myapp --for=jsonpath='{.status.readyReplicas}'=3 --timeout=60s
told '{"app":"nginx","tier":"web"}' show get rc nginx -o jsonpath='{.spec.selector}{"\n"}'

say "Labels are for finding. Selectors: equal, not equal, one of, there, not there."
show get pods --show-labels
told "2 pods" pods_are --selector=app=nginx
told "3 pods" pods_are -l 'app!=nginx'
told "5 pods" pods_are -l 'app in (nginx, myapp),tier'
told "0 pods" pods_are -l '!tier'
show get pods -L app,tier -l app=myapp
show get all -l app=myapp

say "Labels can be given, changed and taken away."
pod=$($kubectl get pods -l app=myapp -o jsonpath='{.items[0].metadata.name}')
show label pod "$pod" release=canary
refused "already has a value (canary), and --overwrite is false" show label pod "$pod" release=stable
show label pod "$pod" release=stable --overwrite
show label pod "$pod" release-

say "Annotations are for telling, not for finding: any text, read by people and programs."
show annotate pod "$pod" example.com/why="to look at it later"
told "to look at it later" show get pod "$pod" -o jsonpath='{.metadata.annotations.example\.com/why}{"\n"}'

say "Whose pod is it? Its ownerReference says so, and its labels are why."
told "ReplicaSet myapp" owner "pod/$pod"
say "Out of the selector: the ReplicaSet lets it go, and makes another. The pod runs on, for you to look into."
show label pod "$pod" quarantine=yes
eventually "4 pods" pods_are -l app=myapp
eventually "Running" show get pod "$pod"
say "Back again: now there is one too many, and one goes."
show label pod "$pod" quarantine-
eventually "3 pods" pods_are -l app=myapp

say "--cascade=orphan: the controller goes, its pods stay. Who comes with the same selector takes them over."
show delete rs myapp --cascade=orphan
told "3 pods" pods_are -l app=myapp
before=$($kubectl get pods -l app=myapp -o jsonpath='{.items[*].metadata.uid}')
show apply -f "$here/replicaset.yaml"
show wait rs/myapp --for=jsonpath='{.status.readyReplicas}'=3 --timeout=60s
[ "$before" = "$($kubectl get pods -l app=myapp -o jsonpath='{.items[*].metadata.uid}')" ] || fail "the same pods should be there"

say "Mind what your labels say. The course's ReplicaSet carries app: nginx, the selector of the course's Deployment:" \
    "side by side, the Deployment takes it for a version of its own that is out of date, and scales it to nothing."
show label rs myapp app=old-nginx --overwrite
show apply -f "$here/deployment.yaml"
eventually "Deployment nginx-deployment" owner rs/myapp
show wait rs/myapp --for=jsonpath='{.spec.replicas}'=0 --timeout=60s
eventually "Scaled down replica set myapp" show describe deployment nginx-deployment

say "A namespace is a room for names. A context of your kubeconfig says which cluster, as whom, in which namespace."
new_namespace lesson-labels-dev
$kubectl config view --minify --raw --flatten >"$work/config"
mine() { printf '$ kubectl --kubeconfig mine %s\n' "$*"; $alone --kubeconfig "$work/config" "$@"; }
user=$($kubectl config view --minify -o jsonpath='{.contexts[0].context.user}')
cluster=$($kubectl config view --minify -o jsonpath='{.contexts[0].context.cluster}')
mine config set-context dev --cluster="$cluster" --user="$user" --namespace=lesson-labels-dev
mine config set-context labels --cluster="$cluster" --user="$user" --namespace=lesson-labels
mine config use-context dev
told dev mine config current-context
told lesson-labels-dev mine config get-contexts
mine create deployment nginx-deployment --image=nginx:1.14.2
told "nginx-deployment" mine get deployments
mine config use-context labels
told nginx-deployment mine get deployments
mine config set-context --current --namespace=lesson-labels-dev
told lesson-labels-dev mine config view --minify -o jsonpath='{..namespace}{"\n"}'
say "All namespaces at once:"
told lesson-labels-dev mine get deployments --all-namespaces
refused 'no context exists with the name: "production"' mine config use-context production

say "With the namespace goes what is in it."
mine delete namespace lesson-labels-dev --timeout=120s
refused "namespaces \"lesson-labels-dev\" not found" mine create configmap late
