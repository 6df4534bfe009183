#!/usr/bin/env bash
# Lesson 7: what a container may do on its node, seen from inside; and what a namespace lets in (Pod Security).
# Needs a running cluster with real containers (podo up).
here=$(cd "$(dirname "$0")" && pwd)
source "$here/../lesson.sh"
needs_containers
in_namespace lesson-pod-security

who='id; grep -E "^(CapEff|NoNewPrivs|Seccomp):" /proc/self/status'

say "Say nothing, and a container is root, with the capabilities that container runtimes leave it."
show apply -f "$here/plain.yaml"
show wait pod/plain --for=condition=Ready --timeout=60s
told "uid=0(root)" show exec plain -- sh -c "$who"
show exec plain -- touch /anywhere

say "A security context takes it away: the user of the pod, no capability, no way to get any, a root that is read-only."
show apply -f "$here/hardened.yaml"
show wait pod/hardened --for=condition=Ready --timeout=60s
told "uid=1000 gid=3000" show exec hardened -c main -- sh -c "$who"
told "CapEff:	0000000000000000" show exec hardened -c main -- grep Cap /proc/self/status
refused "Read-only file system" show exec hardened -c main -- touch /anywhere
refused "Operation not permitted" show exec hardened -c main -- chown 0 /tmp

say "What a volume gets belongs to the fsGroup."
show exec hardened -c main -- touch /tmp/notes
told " 1000     2000 " show exec hardened -c main -- ls -ln /tmp

say "A container's own context goes before the pod's; what it does not say is the pod's."
told "uid=1001 gid=3000" show exec hardened -c other-user -- id

say "Powers are given one by one (they can be given to containers only): this one may change its network, and nothing else."
show apply -f "$here/network-admin.yaml"
show wait pod/network-admin --for=condition=Ready --timeout=60s
told "CapEff:	0000000000001000" show exec network-admin -- grep CapEff /proc/self/status
show exec network-admin -- ip address add 10.99.99.99/32 dev lo
refused "Operation not permitted" show exec network-admin -- chown 1000 /tmp
refused "Operation not permitted" show exec plain -- ip address add 10.99.99.99/32 dev lo

say "Who demands not to be root, and would be, is not started."
show apply -f "$here/not-root.yaml"
eventually "container has runAsNonRoot and image will run as root" \
    show get pod not-root -o jsonpath='{.status.containerStatuses[0].state.waiting.message}'

say "Pod Security lets a namespace decide what is let in: privileged (all), baseline, restricted." \
    "Ask first what it would mean for those that are there."
told "violate the new PodSecurity enforce level" \
    show label namespace lesson-pod-security pod-security.kubernetes.io/enforce=restricted --dry-run=server

say "baseline: nothing that makes the pod the node's owner."
show label namespace lesson-pod-security pod-security.kubernetes.io/enforce=baseline
refused 'violates PodSecurity "baseline:latest"' show apply -f "$here/on-the-node.yaml"
show delete pod/plain pod/not-root --wait=false
show run plain-again --image=nginx:1.14.2

say "warn tells, and lets in: the way to a stricter level. audit puts the same into the audit log only."
show label namespace lesson-pod-security pod-security.kubernetes.io/warn=restricted \
    pod-security.kubernetes.io/audit=restricted
told 'Warning: would violate PodSecurity "restricted:latest"' show run warned --image=nginx:1.14.2

say "restricted: only pods that give everything away that they can."
show label namespace lesson-pod-security --overwrite pod-security.kubernetes.io/enforce=restricted
refused 'violates PodSecurity "restricted:latest"' show run refused --image=nginx:1.14.2
show delete pod/hardened
show apply -f "$here/hardened.yaml"

say "A Deployment is let in with a warning; its pods are not."
told "Warning: would violate" show apply -f "$here/deployment.yaml"
eventually "is forbidden: violates PodSecurity" \
    show get deployment web -o jsonpath='{.status.conditions[?(@.type=="ReplicaFailure")].message}'

say "PodSecurityPolicy, which the courses show, was this until Kubernetes 1.25; it is gone from the API for good."
refused "the server doesn't have a resource type" show get podsecuritypolicies

say "A RuntimeClass chooses what runs the containers. A pod of one that is not there is refused."
leftovers+=(runtimeclass/lesson-runc)
refused 'RuntimeClass "lesson-runc" not found' show apply -f "$here/in-runtimeclass.yaml"
show apply -f "$here/runtimeclass.yaml"
show apply -f "$here/in-runtimeclass.yaml"
show wait pod/in-runtimeclass --for=condition=Ready --timeout=60s
told '{"memory":"16Mi"}' show get pod in-runtimeclass -o jsonpath='{.spec.overhead}'
