#!/usr/bin/env bash
# Lesson 16: Helm: an application as a chart, installed, upgraded, taken back and removed as one; from a directory, and
# from a repository. Needs a running cluster (podo up) and python3; simulated nodes will do. HELM names another helm.
here=$(cd "$(dirname "$0")" && pwd)
source "$here/../lesson.sh"
in_namespace lesson-helm
crd=customresourcedefinition/harvests.fcapp.example.com
leftovers+=("$crd" namespace/lesson-helm-repository)
work=$(mktemp -d)
export HELM_CACHE_HOME=$work/cache HELM_CONFIG_HOME=$work/config HELM_DATA_HOME=$work/data
cp -r "$here/fcapp" "$work/fcapp"
cd "$work"
helm() {
    printf '$ helm %s\n' "$*"
    "${HELM:-$root/build/bin/helm}" --kube-context "${CONTEXT:-podo-default}" --namespace lesson-helm "$@"
}

say "A chart is a directory: what it is, what may be changed, and templates that make manifests of both."
find fcapp -type f | sort
told "0 chart(s) failed" helm lint fcapp
told 'image: "nginx:1.14.2"' helm template shop fcapp --show-only templates/deployment.yaml
say "charts/ has charts that it needs; values below their name are theirs."
told "replicas: 3" helm template shop fcapp --set cache.replicas=3 --show-only charts/cache/templates/deployment.yaml

say "Installed, it is a release: any number of them, each under its own name."
told "shop 0.1.0 says: hello from FCApp" helm install shop fcapp --wait --timeout 60s
told deployed helm list
show get deployments,services,configmaps,harvests
told "deployment.apps/shop" show get deployments -l app.kubernetes.io/instance=shop -o name
say "helm keeps its releases in the cluster, as Secrets."
told helm.sh/release.v1 show get secrets

say "values.schema.json says what values may be."
refused "at '/replicas'" helm upgrade shop fcapp --set replicas=many

say "Upgraded: other values, other manifests. The pods are replaced, for their template has changed."
told "REVISION: 2" helm upgrade shop fcapp --set replicas=3,greeting="new grapes" --wait --timeout 60s
told "new grapes" show get configmap shop-page -o jsonpath='{.data.index\.html}{"\n"}'
told 3 show get deployment shop -o jsonpath='{.status.readyReplicas}{"\n"}'
told "replicas: 3" helm get values shop

say "A version that does not come up is noticed where one waits for it, and can be taken back."
refused "UPGRADE FAILED" helm upgrade shop fcapp --reuse-values --set image="not an image" --wait --timeout 1s
told failed helm history shop
told "Rollback was a success" helm rollback shop 2 --wait --timeout 60s
told "Rollback to 2" helm history shop
told "nginx:1.14.2" show get deployment shop -o jsonpath='{.spec.template.spec.containers[0].image}{"\n"}'

say "A repository is a web server with packed charts and their index. (Public ones: artifacthub.io.)"
mkdir repository
told fcapp-0.2.0.tgz helm package fcapp --version 0.2.0 --destination repository
helm repo index repository
python3 -u -m http.server 0 --bind 127.0.0.1 --directory repository >server 2>&1 &
beside=$!
eventually "Serving HTTP" cat server
port=$(sed -n 's/.* port \([0-9]*\) .*/\1/p' server)
told "has been added" helm repo add vineyard "http://127.0.0.1:$port"
told "vineyard/fcapp" helm search repo fcapp
helm pull vineyard/fcapp --untar --untardir pulled
told "version: 0.2.0" cat pulled/fcapp/Chart.yaml

say "upgrade --install: install it, or bring it up to date if it is there, in a namespace that is made for it."
wait_for_end lesson-helm-repository
elsewhere() { helm "$@" --namespace lesson-helm-repository; }
told "STATUS: deployed" elsewhere upgrade --install airflow vineyard/fcapp --create-namespace --set cache.enabled=false --wait --timeout 60s
told "REVISION: 2" elsewhere upgrade --install airflow vineyard/fcapp --set cache.enabled=false --set replicas=1 --wait --timeout 60s
told fcapp-0.2.0 elsewhere list

say "Removed, all of it goes at once; what was in crds/ stays, for objects of others may need it."
told "uninstalled" elsewhere delete airflow
told "uninstalled" helm uninstall shop --wait --timeout 60s
told "No resources found" show get deployments,services,harvests
show get "$crd"
