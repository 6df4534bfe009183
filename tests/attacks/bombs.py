"""Attacks by weight: small requests that cost much. Each must be refused, or cost little."""

from __future__ import annotations

import gc
import gzip
import json
import tracemalloc
from functools import partial

from tests.attacks.table import APPLY, JSON_PATCH, MAPS, MERGE, PODS, STRATEGIC, Arena, Obj, attack
from tests.cpu import costs_at_most
from tests.unit.apiserver.extension.definitions import CRONTABS, DEFINITIONS, Extended, crontab, definition
from tests.unit.apiserver.hooks import configmap
from tests.unit.apiserver.world import ADMIN, pod

POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
BINDINGS = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"
YAML = "application/yaml"


#: What is refused, or answered, for so many CPU seconds at most.
cheap = partial(costs_at_most, 2.0)


@attack("aliases of YAML in a patch or an apply", "CVE-2019-11253 (billion laughs)", "patch on configmaps")
async def _(arena: Arena) -> None:
    lines = ['a0: &a0 ["x","x","x","x","x","x","x","x","x"]']
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    body = "\n".join(["apiVersion: v1", "kind: ConfigMap", "metadata: {name: bomb}", *lines]).encode()
    with cheap():
        await arena.refused("PATCH", f"{MAPS}/bomb?fieldManager=m", body, 400, 413, 422, who=ADMIN, content_type=APPLY)


@attack("YAML that is dear to parse", "CVE-2019-11254", "create on configmaps")
async def _(arena: Arena) -> None:
    for body in (b"- " * 20_000, b"{" * 5_000, b"? " * 20_000, b"!!python/object/apply:os.system ['id']", b"a: &a *a"):
        with cheap():
            await arena.refused("POST", MAPS, body, 400, 413, 415, 422, who=ADMIN, content_type=YAML)


@attack("a body packed a thousandfold", "CWE-409 decompression bomb", "create on configmaps")
async def _(arena: Arena) -> None:
    body = gzip.compress(b" " * (64 << 20))
    with cheap():
        await arena.refused("POST", MAPS, body, 400, 413, 415, 422, who=ADMIN, content_encoding="gzip")


@attack("a copy of a copy of a copy", "CVE-2019-1002100 (json-patch)", "patch on configmaps")
async def _(arena: Arena) -> None:
    await arena.made(MAPS, {**configmap(), "data": {"a": "x" * 100}})
    grow = [{"op": "copy", "from": "/metadata", "path": f"/metadata/annotations/{n}"} for n in range(25)]
    start: Obj = {"op": "add", "path": "/metadata/annotations", "value": {}}
    with cheap():
        await arena.refused("PATCH", f"{MAPS}/one", [start, *grow], 400, 413, 422, who=ADMIN, content_type=JSON_PATCH)


@attack("a path of a patch that is deep or long", "CWE-674 uncontrolled recursion", "patch on configmaps")
async def _(arena: Arena) -> None:
    await arena.made(MAPS, configmap())
    deep = b'{"data":' + b'{"a":' * 20_000 + b"1" + b"}" * 20_001
    with cheap():
        for kind in (MERGE, STRATEGIC):
            await arena.refused("PATCH", f"{MAPS}/one", deep, 400, 413, 422, who=ADMIN, content_type=kind)
        long = [{"op": "test", "path": "/a" * 20_000, "value": 1}]
        await arena.refused("PATCH", f"{MAPS}/one", long, 400, 413, 422, who=ADMIN, content_type=JSON_PATCH)


@attack("numbers that are enormous", "CWE-190, CWE-400 of numbers", "create on pods")
async def _(arena: Arena) -> None:
    for amount in ("1" * 5_000, "1e999999999", "9" * 400 + "Ei", "0." + "1" * 5_000, "1e-999999999"):
        resources = {"requests": {"cpu": amount}}
        made = pod("p", containers=[{"name": "a", "image": "i", "resources": resources}])
        with cheap():
            status, _ = await arena.world.ask("POST", f"{PODS}?dryRun=All", made)
        assert status in (201, 400, 422), amount[:20]
    for number in (1 << 70, 1e300, -(1 << 63) - 1):
        body = json.dumps(pod("p", terminationGracePeriodSeconds=number)).encode()
        await arena.refused("POST", PODS, body, 400, 422, who=ADMIN)
    raw = b'{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"priority":' + b"9" * 100_000 + b"}}"
    with cheap():
        await arena.refused("POST", PODS, raw, 400, 422, who=ADMIN)


@attack("a selector of thousands of terms", "CWE-400 of selectors", "list on pods")
async def _(arena: Arena) -> None:
    await arena.made(PODS, pod("p"))
    for query in ("labelSelector=" + ",".join(f"a{n}!=b" for n in range(4000)), "labelSelector=a+in+(" + "b," * 9000):
        with cheap():
            status, _ = await arena.world.ask("GET", f"{PODS}?{query}")
        assert status in (200, 400, 414)


@attack("more labels, annotations and owners than an object may have", "CWE-770 without limits", "create on configmaps")
async def _(arena: Arena) -> None:
    body = configmap()
    body["metadata"]["annotations"] = {f"a{n}": "x" * 1000 for n in range(300)}
    await arena.refused("POST", MAPS, body, 422, who=ADMIN, says="may not be more than 262144 bytes")
    body = configmap(data={"a": "x" * 1_200_000})
    await arena.refused("POST", MAPS, body, 413, 422, who=ADMIN)


@attack("a pattern of a definition that never ends", "ReDoS in CRDs, CWE-1333", "create on definitions and objects")
async def _(arena: Arena) -> None:
    for pattern in ("^(a+)+$", "^(a|a)*$", "^(.*a){20}$", "(x+x+)+y", "^([a-z]+)*[0-9]$"):
        made = definition({"type": "object", "properties": {"cronSpec": {"type": "string", "pattern": pattern}}})
        world = await Extended().start()
        try:
            await world.define(made)
            with cheap():
                status, _ = await world.ask("POST", CRONTABS, crontab("a", spec={"cronSpec": "a" * 5000 + "!"}))
            assert status == 422
        finally:
            await world.stop()


@attack("a rule of a definition that costs too much", "CEL bombs", "create on definitions")
async def _(arena: Arena) -> None:
    items = {"type": "array", "items": {"type": "string"}}
    for text in (
        "self.all(x, self.all(y, self.all(z, x + y == z)))",
        "self.map(x, self.map(y, self.map(z, x + y + z))).size() > 0",
        "self.all(x, x.matches('^(a+)+$') && self.exists(y, y.matches('(b+)+$')))",
    ):
        ruled = {**items, "x-kubernetes-validations": [{"rule": text}]}
        made = definition({"type": "object", "properties": {"list": ruled}})
        with cheap():
            await arena.refused("POST", DEFINITIONS, made, 422, who=ADMIN, says="exceeds budget")


@attack("an expression of a policy that costs too much", "CEL bombs", "create on policies")
async def _(arena: Arena) -> None:
    match = {
        "resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["configmaps"]}]
    }
    words = "object.data.map(k, object.data.map(l, object.data.map(m, k + l + m))).size() >= 0"
    spec = {"matchConstraints": match, "validations": [{"expression": words}]}
    meta = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": "p"}}
    await arena.made(POLICIES, {**meta, "kind": "ValidatingAdmissionPolicy", "spec": spec})
    bound = {"policyName": "p", "validationActions": ["Deny"]}
    await arena.made(BINDINGS, {**meta, "kind": "ValidatingAdmissionPolicyBinding", "spec": bound})
    data = {f"k{n}": "x" for n in range(2000)}
    with costs_at_most(8):
        status, _ = await arena.world.ask("POST", MAPS, configmap(data=data))
    assert status in (403, 422, 500), status


@attack("an expression as long as a book, or as deep as a well", "CEL bombs", "create on policies")
async def _(arena: Arena) -> None:
    meta = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": "p"}}
    rules = [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["pods"]}]
    for words in ("(" * 5_000 + "true" + ")" * 5_000, "!" * 20_000 + "true", "1" + "+1" * 20_000 + " > 0", "[" * 3000):
        spec = {"matchConstraints": {"resourceRules": rules}, "validations": [{"expression": words}]}
        body = {**meta, "kind": "ValidatingAdmissionPolicy", "spec": spec}
        with cheap():
            await arena.refused("POST", POLICIES, body, 422, who=ADMIN)


@attack("a schema that is deep or refers to itself", "CWE-674 uncontrolled recursion", "create on definitions")
async def _(arena: Arena) -> None:
    deep: Obj = {"type": "string"}
    for _ in range(200):
        deep = {"type": "object", "properties": {"a": deep}}
    with cheap():
        status, _ = await arena.world.ask("POST", DEFINITIONS, json.dumps(definition(schema=deep)).encode())
        assert status in (201, 400, 422)
        for wrong in ({"$ref": "#/"}, {"type": "object", "$ref": "http://169.254.169.254/"}):
            await arena.refused("POST", DEFINITIONS, definition(schema=wrong), 422, who=ADMIN)


@attack(
    "a definition that takes the place of a built-in kind", "CWE-706 wrongly resolved names", "create on definitions"
)
async def _(arena: Arena) -> None:
    for group in ("", "apps", "rbac.authorization.k8s.io", "x.k8s.io", "core"):
        made = definition()
        made["spec"]["group"] = group
        made["metadata"]["name"] = f"crontabs.{group}"
        status, _ = await arena.world.ask("POST", DEFINITIONS, made)
        assert status in (400, 422), group


@attack("questions with long names, which are remembered", "CWE-770 allocation without limits", "the address")
async def _(arena: Arena) -> None:
    async def ask(numbers: range) -> None:
        for number in numbers:
            await arena.refused("GET", f"{PODS}/{number}{'x' * 30_000}", b"", 403, 404)
            await arena.refused("GET", f"{PODS}?labelSelector=a%3D{number}{'x' * 30_000}", b"", 400, 403)

    await ask(range(5))
    tracemalloc.start()
    try:
        await ask(range(5, 105))
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] < 2 << 20  # 6 MB were said
    finally:
        tracemalloc.stop()
