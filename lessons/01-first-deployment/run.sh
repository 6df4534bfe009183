#!/usr/bin/env bash
# Lesson 1: a Deployment of three web servers, and a Service in front of them.
# Needs a running cluster (podo up).
here=$(cd "$(dirname "$0")" && pwd)
source "$here/../lesson.sh"

fetch() {  # ADDRESS: what answers there, within 60 seconds
    local answer deadline=$((SECONDS + 60))
    while [ $SECONDS -lt $deadline ]; do
        if answer=$(curl --silent --fail --max-time 2 "http://$1/"); then
            printf '$ curl http://%s/\n%s\n' "$1" "$(printf '%s' "$answer" | sed -n '1,3p')"
            return
        fi
        sleep 0.1
    done
    echo "nothing answers at http://$1/" >&2
    return 1
}

say "A Deployment says what should run: three pods of nginx 1.14.2."
show apply -f "$here/deployment.yaml"
show rollout status deployment/nginx-deployment --timeout=60s

say "A Service gives the three of them one name and one address."
show apply -f "$here/service.yaml"
show get deployments,pods,services -o wide

runtime=$($kubectl get nodes -o jsonpath='{.items[0].status.nodeInfo.containerRuntimeVersion}')
case "$runtime" in
    containerd*)
        say "It answers at its ClusterIP, inside the cluster and on its nodes,"
        fetch "$($kubectl get service nginx-service -o jsonpath='{.spec.clusterIP}'):8080"
        say "and at its NodePort on every node's own address."
        fetch "$($kubectl get nodes -o jsonpath='{.items[0].status.addresses[?(@.type=="InternalIP")].address}'):30080"
        ;;
    *) say "The nodes are simulated ($runtime): no container runs, so nothing is fetched." ;;
esac

cat <<NEXT

# Done. Try next (build/bin/kubectl is an unmodified kubectl 1.37):
  alias kubectl='$kubectl'
  kubectl get pods -w                                   # watch, and in another terminal:
  kubectl delete pod -l app=nginx                       # three new ones take their place
  kubectl scale deployment/nginx-deployment --replicas=5
  kubectl set image deployment/nginx-deployment nginx=nginx:1.16.1
  kubectl rollout undo deployment/nginx-deployment
  kubectl exec -it deploy/nginx-deployment -- sh
  make down                                             # remove the cluster without a trace
NEXT
