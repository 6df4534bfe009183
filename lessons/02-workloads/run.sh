#!/usr/bin/env bash
# Lesson 2: the other workloads: a ReplicaSet, a DaemonSet, a Job, a CronJob and a StatefulSet.
# Needs a running cluster (podo up). On simulated nodes Jobs end only where a stage says so: podo up --stages fast.
here=$(cd "$(dirname "$0")" && pwd)
source "$here/../lesson.sh"

say "A ReplicaSet keeps a number of pods: one that goes is replaced. (A Deployment has one for each of its versions.)"
show apply -f "$here/replicaset.yaml"
show wait replicaset/myapp --for=jsonpath='{.status.readyReplicas}'=3 --timeout=60s
show delete "$($kubectl get pods -l app=myapp -o name | sed -n 1p)"
show wait replicaset/myapp --for=jsonpath='{.status.readyReplicas}'=3 --timeout=60s
show get replicaset/myapp
show delete replicaset/myapp

say "A DaemonSet runs one pod on every node, also on nodes that come later."
show apply -f "$here/daemonset.yaml"
show rollout status daemonset/fluentd-daemon --timeout=60s
show get daemonset/fluentd-daemon
show get pods -l name=fluentd-daemon -o wide

say "A Job runs pods to their end: here four parts, two at a time, each told its index."
show apply -f "$here/job.yaml"
show wait --for=condition=complete job/hello --timeout=120s
show get jobs/hello
runtime=$($kubectl get nodes -o jsonpath='{.items[0].status.nodeInfo.containerRuntimeVersion}')
case "$runtime" in
    containerd*) for index in 0 1 2 3; do $kubectl logs -l "job-name=hello,batch.kubernetes.io/job-completion-index=$index"; done ;;
    *) say "The nodes are simulated ($runtime): nothing is printed by containers." ;;
esac

say "A CronJob makes a Job at each time of its schedule: wait for the next full minute."
show apply -f "$here/cronjob.yaml"
show wait --for=jsonpath='{.status.lastSuccessfulTime}' cronjob/every-minute --timeout=180s
show get cronjob/every-minute
$kubectl get jobs | grep -E 'NAME|every-minute'

say "A StatefulSet numbers its pods: web-1 waits until web-0 is ready, and a Service without an address names each."
show apply -f "$here/statefulset.yaml"
show rollout status statefulset/web --timeout=180s
show get pods -l app=nginx,apps.kubernetes.io/pod-index -L apps.kubernetes.io/pod-index

say "Its pods are replaced from the highest number down, and the old template can be had back."
show set image statefulset/web nginx=nginx:1.16.1
show rollout status statefulset/web --timeout=180s
show rollout history statefulset/web
show rollout undo statefulset/web --to-revision=1
show rollout status statefulset/web --timeout=180s

cat <<NEXT

# Done. Try next:
  alias kubectl='$kubectl'
  kubectl scale statefulset/web --replicas=1            # web-2 goes first, then web-1
  kubectl create job now --from=cronjob/every-minute    # once, at once
  kubectl delete --ignore-not-found -f $here            # all of it
NEXT
