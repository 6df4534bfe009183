#!/usr/bin/env bash
# Lesson 5: configuration apart from the image (ConfigMap, Secret), what keeps a Secret secret, and images that only some
# may have. Needs a running cluster with real containers (podo up). DATA_DIR is the cluster's data directory, REGISTRY an
# address on this machine for a registry, PODO another podo.
here=$(cd "$(dirname "$0")" && pwd)
source "$here/../lesson.sh"
source "$here/registry.sh"
needs_containers
address=${REGISTRY:-127.0.0.1:5000}
work=$(mktemp -d)
in_namespace lesson-configuration
show_podo() { printf '$ podo %s\n' "$*"; "${PODO:-$root/.venv/bin/podo}" "$@" --name "$cluster" --data-dir "$data"; }
until_asked='trap exit TERM; while :; do sleep 0.1; done'  # ends at once when it is to
password="of-jane-$RANDOM-$RANDOM" setting="of-everybody-$RANDOM-$RANDOM"

say "A ConfigMap keeps settings apart from the image: the same image for development and production."
show apply -f "$here/log-config.yaml"
show apply -f "$here/configmap-pod.yaml"
show wait pod/configmap-pod --for=condition=Ready --timeout=60s
told "LOG_LEVEL=INFO" show exec configmap-pod -- env
told "colour=grape" show exec configmap-pod -- head /etc/config/log_level /etc/config/app/app.properties

say "Change it: files follow while the container runs, variables keep what they had at its start."
show patch configmap log-config -p '{"data":{"log_level":"DEBUG"}}'
eventually DEBUG show exec configmap-pod -- cat /etc/config/log_level
told INFO show exec configmap-pod -- sh -c 'echo $LOG_LEVEL'

say "A container whose settings are not there yet waits for them."
show apply -f "$here/missing-pod.yaml"
eventually 'configmap "not-there-yet" not found' \
    show get pod missing-pod -o jsonpath='{.status.containerStatuses[0].state.waiting.message}'
show create configmap not-there-yet --from-literal=greeting=hello
echo "(the node tries again after a while: see below)"

say "What is immutable stays as it is."
show apply -f "$here/immutable.yaml"
refused "field is immutable when \`immutable\` is set" show patch configmap settings-v1 -p '{"data":{"colour":"lime"}}'
show delete configmap settings-v1

say "A Secret is used the same way. Base64 lets it carry any bytes; it hides nothing:"
show apply -f "$here/hello-secret.yaml"
told password show get secret hello-secret -o go-template='{{.data.language | base64decode}}{{"\n"}}'
show apply -f "$here/secret-pod.yaml"
show wait pod/secret-pod --for=condition=Ready --timeout=60s
told password show exec secret-pod -- sh -c 'echo $LANGUAGE; cat /etc/secret/language; echo'

say "What is different: it is not printed by chance, only nodes that run a pod with it get it, and rights are given apart."
told "language:  8 bytes" show describe secret hello-secret
told -r-------- show exec secret-pod -- ls -lL /etc/secret/language
show create serviceaccount viewer
show create rolebinding viewer --clusterrole=view --serviceaccount=lesson-configuration:viewer
viewer=system:serviceaccount:lesson-configuration:viewer
told yes show auth can-i get configmaps --as="$viewer"
refused no show auth can-i get secrets --as="$viewer"

say "The types of Secrets say what must be in them."
refused "data[tls.crt]: Required value" show create -f - <<'SECRET'
{apiVersion: v1, kind: Secret, metadata: {name: certificate}, type: kubernetes.io/tls, data: {}}
SECRET
show create secret generic database --type=kubernetes.io/basic-auth --from-literal=username=jane \
    --from-literal=password="$password"
show create configmap database --from-literal=note="$setting"

say "In the store a Secret is encrypted (with podo always; elsewhere only where an EncryptionConfiguration says so)."
if [ -r "$data/store.db" ]; then
    found() { cat "$data"/store.db-* "$data/store.db" | grep --text --count --fixed-strings -e "$1" -e "$(printf '%s' "$1" | base64)" || true; }
    printf '$ grep %s store.db*        # of the ConfigMap\n%s times\n' "$setting" "$(found "$setting")"
    printf '$ grep %s store.db*             # of the Secret\n%s times\n' "$password" "$(found "$password")"
    [ "$(found "$setting")" -gt 0 ] || fail "the ConfigMap should be readable in $data/store.db"
    [ "$(found "$password")" = 0 ] || fail "the Secret should not be readable in $data/store.db"
else
    echo "(no store at $data: set DATA_DIR to see it)"
fi

say "Meanwhile the one that waited has started."
show wait pod/missing-pod --for=condition=Ready --timeout=60s
told "it says hello" show logs missing-pod

say "An image's name is REGISTRY/USER/IMAGE:VERSION; what is left out is docker.io, library and latest."
told "docker.io/library/busybox:1.28" show get pod secret-pod -o jsonpath='{.status.containerStatuses[0].image}{"\n"}'

say "For a registry that asks who you are, there is a Secret with user and password:"
show create secret docker-registry regcred --docker-server="$address" --docker-username=jane --docker-password=grape
told '"auth":"amFuZTpncmFwZQ=="' show get secret regcred \
    -o go-template='{{index .data ".dockerconfigjson" | base64decode}}{{"\n"}}'

if ! can_have_registry; then
    say "To see it used, install docker-registry and skopeo, and start a cluster with one node. A pod names it so:" \
        "  spec: {imagePullSecrets: [{name: regcred}], containers: [{name: app, image: $address/team/app:1}]}"
    exit
fi
start_registry "$address" "$work"
image="$address/team/app:1"
push_app "$image" "$work"

say "Without it, the image is not to be had (Always: the registry is asked even where the node has the image);"
show run stranger --image="$image" --image-pull-policy=Always --command -- sh -c "$until_asked"
eventually "401 Unauthorized" show get pod stranger -o jsonpath='{.status.containerStatuses[0].state.waiting.message}{"\n"}'

say "with it, it is."
show run friend --image="$image" --image-pull-policy=Always --overrides='{"spec":{"imagePullSecrets":[{"name":"regcred"}]}}' \
    --command -- sh -c "$until_asked"
show wait pod/friend --for=condition=Ready --timeout=60s

say "A ServiceAccount can have it for all its pods."
show patch serviceaccount default -p '{"imagePullSecrets":[{"name":"regcred"}]}'
show run friend-too --image="$image" --image-pull-policy=Always --command -- sh -c "$until_asked"
show wait pod/friend-too --for=condition=Ready --timeout=60s
told regcred show get pod friend-too -o jsonpath='{.spec.imagePullSecrets[0].name}{"\n"}'

say "The node remembers with whose password the image came: a pod without it has to ask the registry, as if it were not here."
show patch serviceaccount default -p '{"imagePullSecrets":null}'
show run envious --image="$image" --image-pull-policy=IfNotPresent --command -- sh -c "$until_asked"
eventually "401 Unauthorized" show get pod envious -o jsonpath='{.status.containerStatuses[0].state.waiting.message}{"\n"}'

say "The image goes as it came: an administrator takes it from the nodes, once nothing uses it any more."
show delete pod stranger friend friend-too envious
told "$image" show_podo image rm "$image"
