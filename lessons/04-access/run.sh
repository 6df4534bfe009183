#!/usr/bin/env bash
# Lesson 4: who may do what: a user with a key of her own, what she may do, and an account for a program.
# Needs a running cluster (podo up) and openssl.
here=$(cd "$(dirname "$0")" && pwd)
source "$here/../lesson.sh"
context=${CONTEXT:-podo-default}
alone="${KUBECTL:-$root/build/bin/kubectl}"  # of no cluster yet
work=$(mktemp -d)

run() { printf '$ %s\n' "$*"; "$@"; }
as_jane() { printf '$ kubectl --kubeconfig jane.conf %s\n' "$*"; $alone --kubeconfig "$work/jane.conf" "$@"; }
leftovers=(clusterrole/node-reader clusterrolebinding/jane-reads-nodes csr/jane)

say "A kubeconfig has clusters, users, and contexts that put one of each together."
show config get-contexts "$context"
show auth whoami

say "What the API serves comes in groups: the core group below /api, the named ones below /apis."
show api-versions
show api-resources --api-group=rbac.authorization.k8s.io

say "Jane makes a key and a request: her name is the CN, her group the O."
run openssl ecparam -name prime256v1 -genkey -noout -out "$work/jane.key"
run openssl req -new -key "$work/jane.key" -subj "/O=developers/CN=jane" -out "$work/jane.csr"

say "She hands in the request; an administrator approves it, and the cluster signs."
REQUEST=$(base64 -w0 <"$work/jane.csr")
sed "s|\${REQUEST}|$REQUEST|" "$here/csr.yaml" | show apply -f -
show get csr jane
show certificate approve jane
show wait csr/jane --for=jsonpath='{.status.certificate}' --timeout=60s
show get csr jane
$kubectl get csr jane -o jsonpath='{.status.certificate}' | base64 -d >"$work/jane.crt"
run openssl x509 -in "$work/jane.crt" -noout -subject -issuer -enddate

say "Her kubeconfig: the cluster's address and CA, her key and certificate, and a context."
$kubectl config view --minify --raw -o jsonpath='{.clusters[0].cluster.certificate-authority-data}' |
    base64 -d >"$work/ca.crt"
server=$($kubectl config view --minify -o jsonpath='{.clusters[0].cluster.server}')
as_jane config set-cluster here --server="$server" --certificate-authority="$work/ca.crt" --embed-certs
as_jane config set-credentials jane --client-key="$work/jane.key" --client-certificate="$work/jane.crt" --embed-certs
as_jane config set-context jane@here --cluster=here --user=jane --namespace=team
as_jane config use-context jane@here
as_jane auth whoami

say "The cluster knows who she is, but nothing allows her anything yet."
new_namespace team
refused 'cannot list resource "pods"' as_jane get pods

say "A Role says what may be done in a namespace, a RoleBinding who may."
show apply -f "$here/role.yaml"
as_jane get pods
as_jane auth can-i create pods
refused no as_jane auth can-i delete configmaps
refused 'in the namespace "default"' as_jane get pods --namespace=default
show auth can-i --list --namespace=team --as=jane --as-group=developers
show create configmap settings --namespace=team --from-literal=colour=grape
as_jane get configmap settings
refused 'cannot get resource "configmaps"' as_jane get configmap kube-root-ca.crt

say "What belongs to no namespace takes a ClusterRole and a ClusterRoleBinding."
refused 'cannot list resource "nodes"' as_jane get nodes
show apply -f "$here/clusterrole.yaml"
as_jane get nodes

say "Nobody gives away more than they have: Jane cannot make herself an administrator."
refused 'cannot create resource "clusterrolebindings"' \
    as_jane create clusterrolebinding mine --clusterrole=cluster-admin --user=jane

say "Programs have ServiceAccounts. A token is for one audience and for a time."
show create serviceaccount robot --namespace=team
show create rolebinding robots --namespace=team --clusterrole=view --serviceaccount=team:robot
token=$($kubectl create token robot --namespace=team --duration=10m)
printf '$ kubectl create token robot --namespace=team --duration=10m\n%.20s...\n' "$token"
robot() { printf '$ kubectl --token=... %s\n' "$*"; $alone --kubeconfig /dev/null --server "$server" --certificate-authority "$work/ca.crt" --token "$token" "$@"; }
robot auth whoami
robot get configmaps --namespace=team
refused 'cannot list resource "secrets"' robot get secrets --namespace=team
refused 'cannot delete resource "configmaps"' robot delete configmap settings --namespace=team

say "Done. Jane's certificate ends in a day; take the bindings away and she may do nothing at once."
show delete rolebinding developers --namespace=team
refused 'cannot list resource "pods"' as_jane get pods
