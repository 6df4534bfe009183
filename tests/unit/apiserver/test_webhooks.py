"""Admission webhooks through the API, each a real HTTPS server on loopback."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from podo.api.registry import named
from podo.apiserver.admitting import admit
from podo.apiserver.call import Call
from tests.pki import Pki
from tests.unit.apiserver.calling.webhookserver import Webhook, reviewing
from tests.unit.apiserver.hooks import (
    ALLOWED,
    MAPS,
    Obj,
    adding,
    configmap,
    configure,
    hook,
    patching,
    refused,
    with_hook,
)
from tests.unit.apiserver.world import World, in_world, pod


def test_a_review_has_all_that_is_to_be_known_of_the_request(pki: Pki) -> None:
    async def test(world: World, webhook: Webhook) -> None:
        path = "/api/v1/namespaces/default/configmaps"
        await world.ask("POST", f"{path}?fieldManager=me&dryRun=All", configmap(data={"a": "1"}))
        request = webhook.requests[0]
        assert webhook.reviews[0]["apiVersion"] == "admission.k8s.io/v1"
        assert request["kind"] == request["requestKind"] == {"group": "", "version": "v1", "kind": "ConfigMap"}
        resource = {"group": "", "version": "v1", "resource": "configmaps"}
        assert request["resource"] == request["requestResource"] == resource
        assert (request["namespace"], request["name"], request["operation"]) == ("default", "one", "CREATE")
        assert request["userInfo"]["username"] == "kubernetes-admin"
        assert "system:masters" in request["userInfo"]["groups"]
        assert request["object"]["data"] == {"a": "1"}
        assert request["oldObject"] is None
        assert request["dryRun"] is True
        options = {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1", "fieldManager": "me", "dryRun": ["All"]}
        assert request["options"] == options
        assert webhook.paths == ["/?timeout=10s"]

    with_hook(pki, "Validating", lambda request: ALLOWED, test)


def test_mutating_webhooks_run_in_order_and_see_what_the_former_have_made(pki: Pki) -> None:
    def answer(request: Obj) -> Obj:
        seen = request["object"]["data"]
        return adding("second") if "first" in seen else adding("first")

    async def main(world: World) -> None:
        async with reviewing(pki, answer) as webhook:
            await configure(world, "Mutating", hook(webhook, name="b.example.com", path="/b"), name="z")
            hooks = [hook(webhook, name=f"{one}.example.com", path=f"/{one}") for one in "ca"]
            await configure(world, "Mutating", *hooks, name="a")
            made = await world.client.create(configmap(data={"start": "1"}))
            assert set(made["data"]) == {"start", "first", "second"}
            assert [path.split("?")[0] for path in webhook.paths] == ["/c", "/a", "/b"]

    in_world(main)


def test_a_denial_is_told_with_its_words_and_code(pki: Pki) -> None:
    answers: list[Obj] = [
        {"allowed": False, "status": {"message": "not today", "code": 403, "reason": "Forbidden"}},
        {"allowed": False, "status": {"message": "not today"}},
        {"allowed": False, "status": {"reason": "tired", "code": 200}},
        {"allowed": False, "warnings": ["mind the gap"]},
    ]

    async def test(world: World, webhook: Webhook) -> None:
        path = "/api/v1/namespaces/default/configmaps"
        denied = 'admission webhook "hook.example.com" denied the request'
        code, status = await world.ask("POST", path, configmap())
        assert (code, status["message"], status["reason"]) == (403, f"{denied}: not today", "Forbidden")
        code, status = await world.ask("POST", path, configmap())
        assert (code, status["message"]) == (400, f"{denied}: not today")
        code, status = await world.ask("POST", path, configmap())
        assert (code, status["message"]) == (400, f"{denied}: tired")
        answer = await world.answer("POST", path, configmap())
        assert orjson.loads(answer.body)["message"] == f"{denied} without explanation"  # type: ignore[union-attr,arg-type]
        assert ("Warning", '299 - "mind the gap"') in list(answer.headers)

    with_hook(pki, "Validating", lambda request: answers.pop(0), test)


def test_a_webhook_that_cannot_be_called_stops_the_write_or_is_ignored(pki: Pki) -> None:
    async def main(world: World) -> None:
        async with reviewing(pki, lambda request: ALLOWED) as webhook:
            gone = hook(webhook)
        await configure(world, "Validating", gone)
        error = await refused(world.client.create(configmap()))
        url = f"https://127.0.0.1:{webhook.port}/?timeout=10s"
        dial = f"dial tcp 127.0.0.1:{webhook.port}: connect: connection refused"
        call = f'failed calling webhook "hook.example.com": failed to call webhook: Post "{url}": {dial}'
        assert (error.code, error.message) == (500, f"Internal error occurred: {call}")
        patch = [{"op": "replace", "path": "/webhooks/0/failurePolicy", "value": "Ignore"}]
        await world.client.patch("ValidatingWebhookConfiguration", "test", patch=patch, type="json")
        await world.client.create(configmap())

    in_world(main)


def test_the_timeout_is_honoured(pki: Pki) -> None:
    async def slow(request: Obj) -> Obj:
        await asyncio.sleep(30)
        return ALLOWED

    async def test(world: World, webhook: Webhook) -> None:
        error = await refused(world.client.create(configmap()))
        assert error.message.endswith('timeout=1s": context deadline exceeded')

    with_hook(pki, "Mutating", slow, test, timeoutSeconds=1)


def test_selectors_and_scopes_choose_what_is_sent(pki: Pki) -> None:
    async def test(world: World, webhook: Webhook) -> None:
        await world.client.create(configmap("plain"))
        assert webhook.requests == []
        labelled = configmap("labelled")
        labelled["metadata"]["labels"] = {"checked": "yes"}
        made = await world.client.create(labelled)
        assert len(webhook.requests) == 1
        await world.client.update({**made, "metadata": {**made["metadata"], "labels": {}}})
        assert len(webhook.requests) == 2, "the old object still has the label"
        patch = {"metadata": {"labels": {"skip": "me"}}}
        await world.client.patch("Namespace", "default", patch=patch)
        await world.client.delete("ConfigMap", "labelled", "default")
        assert len(webhook.requests) == 2

    unless = {"matchExpressions": [{"key": "skip", "operator": "DoesNotExist"}]}
    objects = {"matchLabels": {"checked": "yes"}}
    with_hook(pki, "Validating", lambda request: ALLOWED, test, namespaceSelector=unless, objectSelector=objects)


def test_an_equivalent_resource_is_sent_in_the_form_of_the_rule(pki: Pki) -> None:
    rule = {**MAPS, "apiGroups": ["autoscaling"], "apiVersions": ["v1"], "resources": ["horizontalpodautoscalers"]}

    def answer(request: Obj) -> Obj:
        return patching({"op": "add", "path": "/spec/targetCPUUtilizationPercentage", "value": 42})

    async def test(world: World, webhook: Webhook) -> None:
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
        scaler: Obj = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler"}
        scaler |= {
            "metadata": {"name": "web", "namespace": "default"},
            "spec": {"maxReplicas": 3, "scaleTargetRef": target},
        }
        path = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers"
        code, made = await world.ask("POST", path, scaler)
        assert code == 201, made
        request = webhook.requests[0]
        assert request["object"]["apiVersion"] == "autoscaling/v1"
        assert (request["kind"]["version"], request["requestKind"]["version"]) == ("v1", "v2")
        assert made["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"] == 42
        patch = [{"op": "replace", "path": "/webhooks/0/matchPolicy", "value": "Exact"}]
        await world.client.patch("MutatingWebhookConfiguration", "test", patch=patch, type="json")
        await world.ask("DELETE", f"{path}/web")
        assert len(webhook.requests) == 1

    with_hook(pki, "Mutating", answer, test, rule)


def test_a_deletion_shows_the_old_object_and_each_of_a_collection(pki: Pki) -> None:
    async def test(world: World, webhook: Webhook) -> None:
        for name in ("one", "two", "three"):
            await world.client.create(configmap(name))
        await world.client.delete("ConfigMap", "one", "default", propagation="Background", grace_seconds=0)
        request = webhook.requests[0]
        assert (request["operation"], request["object"], request["oldObject"]["metadata"]["name"]) == (
            "DELETE",
            None,
            "one",
        )
        options = {"kind": "DeleteOptions", "apiVersion": "meta.k8s.io/v1", "gracePeriodSeconds": 0}
        assert request["options"] == {**options, "propagationPolicy": "Background"}
        await world.client.delete_collection("ConfigMap", "default")
        assert [one["oldObject"]["metadata"]["name"] for one in webhook.requests[1:]] == ["three", "two"]

    with_hook(pki, "Validating", lambda request: ALLOWED, test, {**MAPS, "operations": ["DELETE"]})


def test_a_webhook_may_not_change_what_is_deleted(pki: Pki) -> None:
    async def test(world: World, webhook: Webhook) -> None:
        await world.client.create(configmap())
        error = await refused(world.client.delete("ConfigMap", "one", "default"))
        assert "attempted to modify the object, which is not supported for this operation" in error.message

    with_hook(pki, "Mutating", lambda request: adding("x"), test, {**MAPS, "operations": ["DELETE"]})


def test_subresources_are_sent_in_their_own_kinds(pki: Pki) -> None:
    rule = {**MAPS, "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"], "operations": ["CREATE", "UPDATE"]}

    async def test(world: World, webhook: Webhook) -> None:
        await world.client.create(pod("web"))
        await world.client.create(
            {
                "apiVersion": "v1",
                "kind": "Binding",
                "metadata": {"name": "web", "namespace": "default"},
                "target": {"kind": "Node", "name": "n1"},
            },
            subresource="binding",
        )
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "web", "namespace": "default"}}
        await world.client.create(eviction, subresource="eviction")
        template = {"metadata": {"labels": {"a": "b"}}, "spec": pod("x")["spec"]}
        spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
        owner = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d", "namespace": "default"}}
        await world.client.create({**owner, "spec": spec})
        await world.client.patch("Deployment", "d", "default", patch={"spec": {"replicas": 3}}, subresource="scale")
        await world.client.patch("Deployment", "d", "default", patch={"status": {"replicas": 3}}, subresource="status")
        seen = [
            (one["operation"], one["resource"]["resource"], one.get("subResource", ""), one["object"]["kind"])
            for one in webhook.requests
        ]
        assert seen == [
            ("CREATE", "pods", "", "Pod"),
            ("CREATE", "pods", "binding", "Binding"),
            ("CREATE", "pods", "eviction", "Eviction"),
            ("CREATE", "deployments", "", "Deployment"),
            ("UPDATE", "deployments", "scale", "Scale"),
            ("UPDATE", "deployments", "status", "Deployment"),
        ]
        assert webhook.requests[4]["kind"] == {"group": "autoscaling", "version": "v1", "kind": "Scale"}
        assert webhook.requests[4]["oldObject"]["spec"]["replicas"] == 1

    with_hook(pki, "Validating", lambda request: ALLOWED, test, rule)


def test_a_scale_can_be_changed_by_a_webhook(pki: Pki) -> None:
    rule = {**MAPS, "apiGroups": ["apps"], "resources": ["deployments/scale"]}

    async def test(world: World, webhook: Webhook) -> None:
        template = {"metadata": {"labels": {"a": "b"}}, "spec": pod("x")["spec"]}
        spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
        owner = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d", "namespace": "default"}}
        await world.client.create({**owner, "spec": spec})
        await world.client.patch("Deployment", "d", "default", patch={"spec": {"replicas": 3}}, subresource="scale")
        assert (await world.client.get("Deployment", "d", "default"))["spec"]["replicas"] == 7

    change = patching({"op": "replace", "path": "/spec/replicas", "value": 7})
    with_hook(pki, "Mutating", lambda request: change, test, rule)


def test_webhooks_that_want_to_are_asked_again_after_a_change(pki: Pki) -> None:
    def answer(request: Obj) -> Obj:
        data = request["object"]["data"]
        if "late" in data and "seen" not in data:
            return adding("seen")
        return ALLOWED

    async def main(world: World) -> None:
        async with reviewing(pki, answer) as first, reviewing(pki, lambda request: adding("late")) as second:
            again = hook(first, reinvocationPolicy="IfNeeded")
            await configure(world, "Mutating", again, name="a")
            await configure(world, "Mutating", hook(second, name="late.example.com"), name="b")
            made = await world.client.create(configmap(data={"start": "1"}))
            assert set(made["data"]) == {"start", "late", "seen"}
            assert (len(first.requests), len(second.requests)) == (2, 1)

    in_world(main)


def test_plugins_and_defaults_complete_what_a_webhook_adds(pki: Pki) -> None:
    """A container added by a webhook has upstream's defaults and the token of the pod's account."""
    rule = {**MAPS, "resources": ["pods"], "operations": ["CREATE"]}
    sidecar = {"name": "side", "image": "nginx:1.14.2", "unknown": 1}
    add = patching({"op": "add", "path": "/spec/initContainers", "value": [sidecar]})

    async def test(world: World, webhook: Webhook) -> None:
        made = await world.client.create(pod("web"))
        added = made["spec"]["initContainers"][0]
        assert added["terminationMessagePolicy"] == "File"
        assert added["imagePullPolicy"] == "IfNotPresent"
        assert added["volumeMounts"] == made["spec"]["containers"][0]["volumeMounts"]
        assert "unknown" not in added

    def answer(request: Obj) -> Obj:
        return ALLOWED if "initContainers" in request["object"]["spec"] else add

    with_hook(pki, "Mutating", answer, test, rule)


def test_what_a_webhook_makes_of_an_object_is_held_to_the_rules(pki: Pki) -> None:
    async def test(world: World, webhook: Webhook) -> None:
        error = await refused(world.client.create(configmap(data={"a": "1"})))
        assert error.reason == "Invalid"
        assert "a valid config key must consist of" in error.message

    with_hook(pki, "Mutating", lambda request: adding("not~1a~1key"), test)


def test_an_update_by_a_webhook_changes_no_more_than_the_client_could(pki: Pki) -> None:
    rule = {**MAPS, "resources": ["pods"], "operations": ["UPDATE"]}
    spoil = patching(
        {"op": "add", "path": "/status", "value": {"phase": "Failed"}},
        {"op": "replace", "path": "/metadata/uid", "value": "x"},
        {"op": "add", "path": "/metadata/labels", "value": {"by": "hook"}},
        {"op": "add", "path": "/metadata/managedFields", "value": [{"manager": "me"}]},
    )

    async def test(world: World, webhook: Webhook) -> None:
        made = await world.client.create(pod("web"))
        changed = await world.client.patch("Pod", "web", "default", patch={"metadata": {"annotations": {"a": "b"}}})
        assert changed["status"] == made["status"]
        assert changed["metadata"]["uid"] == made["metadata"]["uid"]
        assert changed["metadata"]["labels"] == {"by": "hook"}
        assert changed["metadata"]["managedFields"][0]["fieldsType"] == "FieldsV1"

    with_hook(pki, "Mutating", lambda request: spoil, test, rule)


@pytest.mark.parametrize(
    ("kind", "response", "words"),
    [
        ("Validating", {"allowed": True, "uid": "x"}, 'expected response.uid="'),
        ("Validating", {"allowed": True, "patch": "W10="}, "validating webhook may not return response.patch"),
        ("Validating", {"allowed": True, "patchType": "JSONPatch"}, "may not return response.patchType"),
        ("Mutating", {"allowed": True, "patch": "W10="}, "returned response.patch but not response.patchType"),
        ("Mutating", {"allowed": True, "patchType": "JSONPatch"}, "response.patchType but not response.patch"),
        ("Mutating", {"allowed": True, "patch": "W10=", "patchType": ""}, 'invalid response.patchType of ""'),
        ("Mutating", {"allowed": True, "patch": "W10=", "patchType": "Merge"}, 'unsupported patch type "Merge"'),
        ("Mutating", {"allowed": True, "patch": "?", "patchType": "JSONPatch"}, "response.patch is not JSON in base64"),
        ("Mutating", patching({"op": "remove", "path": "/no"}), "Internal error occurred: "),
        ("Mutating", patching({"op": "add", "path": "/data", "value": 1}), "Internal error occurred: "),
        ("Mutating", patching({"op": "replace", "path": "", "value": []}), "is not an object with metadata"),
    ],
)
def test_responses_that_are_none(pki: Pki, kind: str, response: Obj, words: str) -> None:
    async def test(world: World, webhook: Webhook) -> None:
        error = await refused(world.client.create(configmap()))
        assert error.code == 500
        assert words in error.message

    with_hook(pki, kind, lambda request: response, test)


def test_validating_webhooks_are_asked_at_once(pki: Pki) -> None:
    arrived = asyncio.Semaphore(0)

    async def meet(request: Obj) -> Obj:
        arrived.release()
        while arrived._value < 3:  # all three are here before one answers
            await asyncio.sleep(0.001)
        return ALLOWED

    async def main(world: World) -> None:
        async with reviewing(pki, meet) as webhook:
            hooks = [hook(webhook, name=f"h{one}.example.com") for one in range(3)]
            await configure(world, "Validating", *hooks)
            await world.client.create(configmap())
            assert len(webhook.requests) == 3

    in_world(main)


def test_warnings_of_a_webhook_reach_the_client(pki: Pki) -> None:
    async def test(world: World, webhook: Webhook) -> None:
        answer = await world.answer("POST", "/api/v1/namespaces/default/configmaps", configmap())
        assert answer.status == 201
        assert dict(answer.headers)["Warning"] == '299 - "think again"'

    with_hook(pki, "Validating", lambda request: {"allowed": True, "warnings": ["think again"]}, test)


def test_a_review_in_v1beta1_is_spoken_where_it_is_wished(pki: Pki) -> None:
    def answer(request: Obj) -> Obj:
        return {**adding("x"), "uid": "unchecked", "patchType": None}

    async def test(world: World, webhook: Webhook) -> None:
        made = await world.client.create(configmap(data={}))
        assert webhook.reviews[0]["apiVersion"] == "admission.k8s.io/v1beta1"
        assert made["data"] == {"x": "yes"}

    with_hook(pki, "Mutating", answer, test, admissionReviewVersions=["v2", "v1beta1", "v1"])


def test_server_side_apply_passes_webhooks_too(pki: Pki) -> None:
    async def test(world: World, webhook: Webhook) -> None:
        path = "/api/v1/namespaces/default/configmaps/one?fieldManager=me"
        media = {"content_type": "application/apply-patch+yaml"}
        for data in ({"a": "1"}, {"a": "2"}):
            code, made = await world.ask("PATCH", path, configmap(data=data), **media)
            assert code in (200, 201), made
            assert made["data"] == {**data, "x": "yes"}
        assert [one["operation"] for one in webhook.requests] == ["CREATE", "UPDATE"]
        assert webhook.requests[0]["options"]["kind"] == "PatchOptions"

    with_hook(pki, "Mutating", lambda request: adding("x"), test)


@pytest.mark.parametrize(
    ("target", "kind", "fields"),
    [
        (
            "pods/web/exec?command=sh&command=-c&stdin=true&stdout=1&container=main",
            "PodExecOptions",
            {"command": ["sh", "-c"], "stdin": True, "stdout": True, "container": "main"},
        ),
        ("pods/web/attach?stdout=true&tty=false", "PodAttachOptions", {"stdout": True}),
        ("pods/web/portforward?ports=80,81", "PodPortForwardOptions", {"ports": [80, 81]}),
        ("pods/web/proxy/a/b", "PodProxyOptions", {"path": "/a/b"}),
        ("services/web/proxy", "ServiceProxyOptions", {}),
    ],
)
def test_connections_are_asked_about(pki: Pki, target: str, kind: str, fields: Obj) -> None:
    rule = {**MAPS, "resources": ["*/*"], "operations": ["CONNECT"]}

    async def test(world: World, webhook: Webhook) -> None:
        code, status = await world.ask("GET", f"/api/v1/namespaces/default/{target}")
        assert (code, status["message"]) == (400, 'admission webhook "hook.example.com" denied the request: no')
        request = webhook.requests[0]
        assert request["object"] == {"kind": kind, "apiVersion": "v1", **fields}
        assert request["kind"] == {"group": "", "version": "v1", "kind": kind}
        assert (request["operation"], request["name"], request["options"]) == ("CONNECT", "web", None)

    with_hook(pki, "Validating", lambda request: {"allowed": False, "status": {"message": "no"}}, test, rule)


def test_reviews_of_access_are_asked_about(pki: Pki) -> None:
    rule = {**MAPS, "apiGroups": ["authorization.k8s.io"], "resources": ["selfsubjectaccessreviews"]}

    async def test(world: World, webhook: Webhook) -> None:
        attributes = {"resourceAttributes": {"verb": "get", "resource": "pods"}}
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": attributes}
        code, _ = await world.ask("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
        assert code == 400
        assert webhook.requests[0]["object"]["spec"] == attributes

    with_hook(pki, "Validating", lambda request: {"allowed": False}, test, rule)


def test_match_conditions_choose_what_is_sent(pki: Pki) -> None:
    conditions = [
        {"name": "not-skipped", "expression": "object.metadata.name != 'skip-me'"},
        {"name": "by-people", "expression": "!request.userInfo.username.startsWith('system:serviceaccount:')"},
        {"name": "may", "expression": "authorizer.group('').resource('nodes').check('delete').allowed()"},
    ]

    async def test(world: World, webhook: Webhook) -> None:
        kept = await world.client.create(configmap("skip-me", data={"a": "1"}))
        changed = await world.client.create(configmap("other", data={"a": "1"}))
        assert (kept["data"], changed["data"]) == ({"a": "1"}, {"a": "1", "x": "yes"})
        assert [request["name"] for request in webhook.requests] == ["other"]

    with_hook(pki, "Mutating", lambda request: adding("x"), test, matchConditions=conditions)


@pytest.mark.parametrize(("policy", "is_refused"), [("Fail", True), ("Ignore", False)])
def test_conditions_that_cannot_be_told_follow_the_failure_policy(pki: Pki, policy: str, is_refused: bool) -> None:
    conditions = [{"name": "broken", "expression": "object.nowhere.found == 1"}]

    async def test(world: World, webhook: Webhook) -> None:
        if is_refused:
            error = await refused(world.client.create(configmap()))
            assert error.reason == "Forbidden"
            assert "expression 'object.nowhere.found == 1' resulted in error: no such key: nowhere" in error.message
        else:
            await world.client.create(configmap())
        assert webhook.requests == []

    with_hook(pki, "Validating", lambda request: ALLOWED, test, matchConditions=conditions, failurePolicy=policy)


@pytest.mark.parametrize("kind", ["Mutating", "Validating"])
def test_match_conditions_are_compiled_when_they_are_written(pki: Pki, kind: str) -> None:
    async def main(world: World) -> None:
        async with reviewing(pki, lambda request: ALLOWED) as webhook:
            bad = [{"name": "bad", "expression": "object.metadata.name =="}, {"name": "text", "expression": "'a'"}]
            error = await refused(configure(world, kind, hook(webhook, matchConditions=bad)))
            assert error.reason == "Invalid"
            assert "webhooks[0].matchConditions[0].expression: Invalid value" in error.message
            assert "compilation failed: ERROR: <input>:1:24: Syntax error" in error.message
            assert "webhooks[0].matchConditions[1].expression" in error.message
            assert "must evaluate to bool" in error.message
            good = [{"name": "good", "expression": "object.metadata.name == 'a'"}]
            await configure(world, kind, hook(webhook, matchConditions=good))
            more = [*good, {"name": "second", "expression": "true"}]
            patch = [{"op": "replace", "path": "/webhooks/0/matchConditions", "value": more}]
            name = f"{kind}WebhookConfiguration"
            changed = await world.client.patch(name, "test", patch=patch, type="json")
            assert changed["webhooks"][0]["matchConditions"] == more

    in_world(main)


def test_what_webhooks_did_is_told_to_the_audit_log(pki: Pki) -> None:
    """As annotations of the call, whatever becomes of them."""

    async def main(world: World) -> None:
        noting = {**adding("x"), "auditAnnotations": {"why": "it was told to"}}
        async with reviewing(pki, lambda request: ALLOWED) as gone:
            ignored = hook(gone, name="gone.example.com", failurePolicy="Ignore")
        async with reviewing(pki, lambda request: noting) as webhook:
            await configure(world, "Mutating", hook(webhook), ignored)
            obj = configmap(data={})
            call = Call("create", named("ConfigMap"), "default", "one")
            await admit(world.server.backend, call, "CREATE", obj, None)
            told = call.annotations
            first = orjson.loads(told["mutation.webhook.admission.k8s.io/round_0_index_0"])
            assert first == {"configuration": "test", "webhook": "hook.example.com", "mutated": True}
            assert told["hook.example.com/why"] == "it was told to"
            assert told["failed-open.mutation.webhook.admission.k8s.io/round_0_index_1"] == "gone.example.com"

    in_world(main)
