#!/usr/bin/env bash
# Lesson 12: kinds of your own, with the rules of their fields, and rules for what others may write.
# Needs a running cluster (podo up); simulated nodes will do.
here=$(cd "$(dirname "$0")" && pwd)
source "$here/../lesson.sh"
crd=customresourcedefinition/vineyards.lessons.example.com
in_namespace lesson-custom-resources
leftovers+=("$crd" validatingadmissionpolicy/lessons-small-vineyards \
    validatingadmissionpolicybinding/lessons-small-vineyards)
vineyard() {  # NAME GRAPE VINES ROWS: its manifest
    printf '{apiVersion: lessons.example.com/v1, kind: Vineyard, metadata: {name: %s}, spec: {grape: %s, vines: %s, rows: %s}}\n' "$@"
}

say "Nobody knows a Vineyard yet."
refused "the server could not find the requested resource" show get --raw /apis/lessons.example.com

say "A CustomResourceDefinition tells the API of the kind: its names, its fields, its columns."
show apply -f "$here/crd.yaml"
show wait --for=condition=Established "$crd" --timeout=60s
show api-resources --api-group=lessons.example.com
eventually "How many vines there should be." show explain vineyard.spec

say "From now on it is a kind like any other. What is left out gets its default."
show apply -f "$here/vineyard.yaml"
told '"vines":10' show get vineyard south -o jsonpath='{.spec}{"\n"}'
told campbell show get vy
told vineyard.lessons.example.com/south show get all
told south show get vy --field-selector spec.grape=campbell

say "Fields are checked: their types and bounds,"
vineyard east kyoho '"many"' 1 | refused 'spec.vines: Invalid value: "string"' show apply -f -
vineyard east kyoho -1 1 | refused "should be greater than or equal to 0" show apply -f -
vineyard east '""' 1 1 | refused "spec.grape" show apply -f -
say "unknown ones,"
sed 's/grape:/grapes:/' "$here/vineyard.yaml" | refused 'unknown field "spec.grapes"' show apply -f -
say "and rules between them, and between old and new."
vineyard east kyoho 150 1 | refused "at most 100 vines fit in a row" show apply -f -
vineyard east kyoho 150 2 | show apply -f -
refused "grape is immutable" show patch vineyard east --type=merge -p '{"spec":{"grape":"lime"}}'

say "The status is written apart: a controller tells there what is, users say in the spec what should be."
show patch vineyard south --type=merge -p '{"status":{"vines":3}}'
told "none" show get vineyard south -o custom-columns=PLANTED:.status.vines
show patch vineyard south --subresource=status --type=merge -p '{"status":{"vines":3,"selector":"field=south"}}'
told 3 show get vineyard south -o custom-columns=PLANTED:.status.vines

say "It can be scaled, by hand or by an autoscaler."
show scale vineyard/south --replicas=20
told 20 show get vineyard south -o jsonpath='{.spec.vines}{"\n"}'

say "Each change of the spec, and no change of the status, is a new generation."
told 2 show get vineyard south -o jsonpath='{.metadata.generation}{"\n"}'

say "A ValidatingAdmissionPolicy is a rule of the cluster's, for any kind; what it compares with is in a ConfigMap."
show create configmap limits --from-literal=most=50
show apply -f "$here/policy.yaml"
too_large() { vineyard west muscat 60 1 | show apply --dry-run=server -f - 2>&1 || true; }
eventually "no more than 50 vines here" too_large
show patch configmap limits -p '{"data":{"most":"70"}}'
let_in() { vineyard west muscat 60 1 | show apply -f - 2>&1 || true; }
eventually "vineyard.lessons.example.com/west created" let_in
vineyard west muscat 80 1 | refused "no more than 70 vines here" show apply -f -

say "The definition goes, and all Vineyards with it."
show delete "$crd"
eventually "the server could not find the requested resource" show get --raw \
    /apis/lessons.example.com/v1/namespaces/lesson-custom-resources/vineyards
