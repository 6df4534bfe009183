# What the lessons have in common: how a command is shown, what comes of it checked, and everything cleaned up.
# KUBECTL names another kubectl, CONTEXT another cluster, DATA_DIR its data directory. A lesson sources this file and calls in_namespace.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
kubectl="${KUBECTL:-$root/build/bin/kubectl} --context ${CONTEXT:-podo-default}"
typed="kubectl"
cluster=${CONTEXT:-podo-default}
cluster=${cluster#podo-}
data=${DATA_DIR:-${PODO_DATA_DIR:-/var/lib/podo}/$cluster}
leftovers=()  # KIND/NAME of what is to be deleted when the lesson ends
work=""       # a directory of the lesson's own, if it needs one
beside=""     # the process that runs beside the lesson, if there is one
trap clean_up EXIT

say() { printf '\n'; printf '# %s\n' "$@"; }  # LINE...
show() {  # ARGUMENTS of kubectl: as it would be typed, then what it answers
    local argument
    printf '$ %s' "$typed"
    for argument in "$@"; do
        case "$argument" in *[!a-zA-Z0-9=,.:/_+@%-]*) printf " '%s'" "$argument" ;; *) printf ' %s' "$argument" ;; esac
    done
    printf '\n'
    $kubectl "$@"
}
fail() { printf '%s\n' "$*" >&2; exit 1; }

told() {  # TEXT COMMAND: what it prints has this text
    local text=$1 answer
    shift
    answer=$("$@" 2>&1) || { printf '%s\n' "$answer"; fail "this should have worked"; }
    printf '%s\n' "$answer"
    [[ $answer == *"$text"* ]] || fail "this should have told: $text"
}

refused() {  # WHY COMMAND: it must be refused, for this reason
    local why=$1 answer
    shift
    if answer=$("$@" 2>&1); then printf '%s\n' "$answer"; fail "this should have been refused: $why"; fi
    printf '%s\n' "$answer"
    [[ $answer == *"$why"* ]] || fail "this should have been refused because of: $why"
}

eventually() {  # TEXT COMMAND: the same command until it tells this, for 60 seconds at most; only the last time is shown
    local text=$1 answer="" deadline=$((SECONDS + 60))
    shift
    while [ $SECONDS -lt $deadline ]; do
        answer=$("$@" 2>&1) || true
        if [[ $answer == *"$text"* ]]; then printf '%s\n' "$answer"; return; fi
        sleep 0.2
    done
    printf '%s\n' "$answer"
    fail "within 60 seconds this should have told: $text"
}

needs_containers() {
    local runtime
    runtime=$($kubectl get nodes -o jsonpath='{.items[0].status.nodeInfo.containerRuntimeVersion}')
    case "$runtime" in
        containerd*) ;;
        *) echo "This lesson needs real containers; the nodes are simulated ($runtime)." >&2; exit 6 ;;
    esac
}

new_namespace() {  # NAME: it goes when the lesson ends
    wait_for_end "$1"
    leftovers+=("namespace/$1")
    show create namespace "$1"
    eventually serviceaccount/default $kubectl --namespace "$1" get serviceaccounts -o name >/dev/null
}

wait_for_end() {  # NAME: of a namespace that a former run has left, if it is on its way out
    if [ "$($kubectl get namespace "$1" --ignore-not-found -o jsonpath='{.status.phase}')" = Terminating ]; then
        $kubectl wait --for=delete "namespace/$1" --timeout=120s >/dev/null
    fi
}

in_namespace() {  # NAME: a new namespace for what follows
    new_namespace "$1"
    kubectl="$kubectl --namespace $1"
    typed="kubectl -n $1"
}

end_beside() {  # the process beside the lesson has done its work
    kill "$beside" 2>/dev/null || true
    wait "$beside" 2>/dev/null || true
    beside=""
}

clean_up() {  # whether the lesson has come to its end or not
    [ -z "$beside" ] || end_beside
    [ ${#leftovers[@]} = 0 ] || $kubectl delete --ignore-not-found --wait=false "${leftovers[@]}" >/dev/null 2>&1 || true
    [ -z "$work" ] || rm -rf "$work"
}
