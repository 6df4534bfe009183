"""Who may write what: escalation by roles, impersonation, kubelets, certificate requests, the token of every pod."""

from __future__ import annotations

from typing import Any

from podo.authn.user import AUTHENTICATED
from tests.unit.apiserver.examples import FIELDS
from tests.unit.apiserver.world import World, certificate, in_world, pod

RBAC = "/apis/rbac.authorization.k8s.io/v1"
ROLES, BINDINGS = f"{RBAC}/namespaces/default/roles", f"{RBAC}/namespaces/default/rolebindings"
REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
PODS = "/api/v1/namespaces/default/pods"
JANE = certificate("jane", "devs")
NODE = certificate("system:node:n1", "system:nodes")


def rule(verbs: str, resources: str, group: str = "", **more: Any) -> dict[str, Any]:
    return {"verbs": verbs.split(), "resources": resources.split(), "apiGroups": [group], **more}


async def grant(world: World, name: str, *rules: dict[str, Any], user: str = "jane") -> None:
    kind = {"apiVersion": "rbac.authorization.k8s.io/v1"}
    await world.client.create({**kind, "kind": "ClusterRole", "metadata": {"name": name}, "rules": list(rules)})
    binding = {
        "metadata": {"name": name},
        "roleRef": {"kind": "ClusterRole", "name": name, "apiGroup": "rbac.authorization.k8s.io"},
        "subjects": [{"kind": "User", "name": user}],
    }
    await world.client.create({**kind, "kind": "ClusterRoleBinding", **binding})


MANAGES_ROLES = rule("create update patch get", "roles rolebindings", "rbac.authorization.k8s.io")


def test_nobody_grants_what_they_do_not_have() -> None:
    async def test(world: World) -> None:
        await grant(world, "manager", MANAGES_ROLES, rule("get", "pods"))
        fine = {"metadata": {"name": "fine"}, "rules": [rule("get", "pods", resourceNames=["x"])]}
        assert (await world.ask("POST", ROLES, fine, who=JANE))[0] == 201
        more = {"metadata": {"name": "more"}, "rules": [rule("get list", "pods secrets")]}
        status, error = await world.ask("POST", ROLES, more, who=JANE)
        assert status == 403
        assert error["message"] == (
            'roles.rbac.authorization.k8s.io "more" is forbidden: user "jane" (groups=["devs" "system:authenticated"]) '
            "is attempting to grant RBAC permissions not currently held:\n"
            '{APIGroups:[""], Resources:["pods"], Verbs:["list"]}\n'
            '{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}'
        )
        patch = {"rules": [rule("delete", "pods")]}
        answer = await world.ask("PATCH", f"{ROLES}/fine", patch, who=JANE, content_type="application/merge-patch+json")
        assert answer[0] == 403

    in_world(test)


def test_escalate_and_bind_lift_the_check() -> None:
    async def test(world: World) -> None:
        group = "rbac.authorization.k8s.io"
        await grant(world, "manager", MANAGES_ROLES)
        admin = {"kind": "ClusterRole", "name": "cluster-admin"}
        me = {"metadata": {"name": "me"}, "roleRef": admin, "subjects": [{"kind": "User", "name": "jane"}]}
        assert (await world.ask("POST", BINDINGS, me, who=JANE))[0] == 403
        absent = {**me, "roleRef": {"kind": "Role", "name": "absent"}}
        assert (await world.ask("POST", BINDINGS, absent, who=JANE))[0] == 404
        view = rule("bind", "clusterroles", group, resourceNames=["view"])
        await grant(world, "binder", view, rule("escalate", "roles", group))
        assert (await world.ask("POST", BINDINGS, me, who=JANE))[0] == 403
        allowed = {**me, "roleRef": {"kind": "ClusterRole", "name": "view"}}
        assert (await world.ask("POST", BINDINGS, allowed, who=JANE))[0] == 201
        everything = {"metadata": {"name": "all"}, "rules": [rule("*", "*")]}
        assert (await world.ask("POST", ROLES, everything, who=JANE))[0] == 201

    in_world(test)


def test_an_aggregating_role_needs_everything() -> None:
    async def test(world: World) -> None:
        await grant(world, "manager", rule("create", "clusterroles", "rbac.authorization.k8s.io"))
        aggregation = {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}
        role = {"metadata": {"name": "sum"}, "aggregationRule": aggregation}
        status, error = await world.ask("POST", f"{RBAC}/clusterroles", role, who=JANE)
        assert status == 403 and "must have cluster-admin privileges to use the aggregationRule" in error["message"]

    in_world(test)


async def me(world: World, who: bytes | None = JANE, **headers: str) -> tuple[int, Any]:
    return await world.ask("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {}, who=who, **headers)


def test_impersonation_is_asked_for_part_by_part() -> None:
    async def test(world: World) -> None:
        status, error = await me(world, impersonate_user="max")
        assert status == 403 and error["message"] == (
            'users "max" is forbidden: User "jane" cannot impersonate resource "users" in API group "" '
            "at the cluster scope"
        )
        await grant(world, "act", rule("impersonate", "users", resourceNames=["max"]))
        status, review = await me(world, impersonate_user="max")
        assert review["status"]["userInfo"] == {"username": "max", "groups": [AUTHENTICATED]}
        assert (await me(world, impersonate_user="kubernetes-admin"))[0] == 403
        assert (await me(world, impersonate_user="max", impersonate_group="system:masters"))[0] == 403
        assert (await me(world, impersonate_user="max", impersonate_extra_scopes="x"))[0] == 403
        assert (await me(world, impersonate_user="max", impersonate_uid="1"))[0] == 403
        assert (await me(world, impersonate_group="ops"))[0] == 400
        assert (await me(world, None, impersonate_user="max"))[0] == 403

    in_world(test)


def test_reviews_answer_for_others() -> None:
    async def test(world: World) -> None:
        await grant(world, "reader", rule("list", "pods"))
        question = {"user": "jane", "resourceAttributes": {"verb": "list", "resource": "pods", "namespace": "default"}}
        target = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
        _, review = await world.ask("POST", target, {"spec": question})
        why = 'RBAC: allowed by ClusterRoleBinding "reader" of ClusterRole "reader" to User "jane"'
        assert review["status"] == {"allowed": True, "reason": why}
        _, review = await world.ask("POST", target, {"spec": {**question, "user": "max"}})
        assert review["status"] == {"allowed": False}
        assert (await world.ask("POST", target, {"spec": question}, who=JANE))[0] == 403
        assert (await world.ask("POST", target, {"spec": {"user": "x"}}))[0] == 422
        local = "/apis/authorization.k8s.io/v1/namespaces/default/localsubjectaccessreviews"
        other = {**question, "resourceAttributes": {**question["resourceAttributes"], "namespace": "other"}}
        assert (await world.ask("POST", local, {"spec": question}))[0] == 201
        assert (await world.ask("POST", local, {"spec": other}))[0] == 422

    in_world(test)


def test_a_kubelet_writes_its_own_objects_only() -> None:
    async def test(world: World) -> None:
        for name in ("n1", "n2"):
            await world.client.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})
            await world.client.create(pod(f"on-{name}", nodeName=name))
        status = {"status": {"phase": "Running"}}
        patch = {"who": NODE, "content_type": "application/merge-patch+json"}
        assert (await world.ask("PATCH", f"{PODS}/on-n1/status", status, **patch))[0] == 200
        code, error = await world.ask("PATCH", f"{PODS}/on-n2/status", status, **patch)
        assert (
            code == 403 and "can only update pod status for pods with spec.nodeName set to itself" in error["message"]
        )
        assert (await world.ask("DELETE", f"{PODS}/on-n2", who=NODE))[0] == 403
        code, error = await world.ask("PATCH", "/api/v1/nodes/n2/status", {"status": {}}, **patch)
        assert code == 403 and 'node "n1" is not allowed to modify node "n2"' in error["message"]
        taints = {"spec": {"taints": [{"key": "a", "effect": "NoSchedule"}]}}
        code, error = await world.ask("PATCH", "/api/v1/nodes/n1", taints, **patch)
        assert code == 403 and "is not allowed to modify taints" in error["message"]
        labels = {"metadata": {"labels": {"node-restriction.kubernetes.io/team": "a"}}}
        assert (await world.ask("PATCH", "/api/v1/nodes/n1", labels, **patch))[0] == 403
        fine = {"metadata": {"labels": {"topology.kubernetes.io/zone": "a", "example.com/x": "y"}}}
        assert (await world.ask("PATCH", "/api/v1/nodes/n1", fine, **patch))[0] == 200
        assert (await world.ask("POST", PODS, pod("own", nodeName="n1"), who=NODE))[0] == 403

    in_world(test)


REQUEST = FIELDS["certificates.k8s.io/v1/CertificateSigningRequest"]["spec"]


def test_the_requestor_is_noted_and_cannot_approve() -> None:
    async def test(world: World) -> None:
        group = "certificates.k8s.io"
        every = rule("create get update", "certificatesigningrequests certificatesigningrequests/approval", group)
        status_rule = rule("update", "certificatesigningrequests/status", group)
        await grant(world, "requests", every, status_rule)
        forged = {**REQUEST, "username": "kubernetes-admin", "groups": ["system:masters"]}
        status, made = await world.ask("POST", REQUESTS, {"metadata": {"name": "r"}, "spec": forged}, who=JANE)
        assert status == 201
        assert (made["spec"]["username"], made["spec"]["groups"]) == ("jane", ["devs", AUTHENTICATED])
        condition = {"type": "Approved", "status": "True", "reason": "x", "message": "y"}
        approved = {**made, "status": {"conditions": [condition]}}
        status, error = await world.ask("PUT", f"{REQUESTS}/r/approval", approved, who=JANE)
        assert status == 403
        assert 'user not permitted to approve requests with signerName "example.com/signer"' in error["message"]
        signed = {**made, "status": {"certificate": "eA=="}}
        assert (await world.ask("PUT", f"{REQUESTS}/r/status", signed, who=JANE))[0] == 403
        await grant(world, "approver", rule("approve", "signers", group, resourceNames=["example.com/*"]))
        smuggled = {**approved, "status": {**approved["status"], "certificate": "eA=="}}
        status, answer = await world.ask("PUT", f"{REQUESTS}/r/approval", smuggled, who=JANE)
        assert status == 200 and "certificate" not in answer["status"]
        denied = {**answer, "status": {"conditions": [condition, {**condition, "type": "Denied"}]}}
        assert (await world.ask("PUT", f"{REQUESTS}/r/approval", denied, who=JANE))[0] == 422

    in_world(test)


def test_every_pod_has_the_token_of_its_account() -> None:
    async def test(world: World) -> None:
        made = (await world.client.create(pod("web")))["spec"]
        volume = made["volumes"][0]
        assert volume["name"].startswith("kube-api-access-")
        assert [next(iter(source)) for source in volume["projected"]["sources"]] == [
            "serviceAccountToken",
            "configMap",
            "downwardAPI",
        ]
        path = "/var/run/secrets/kubernetes.io/serviceaccount"
        mount = {"name": volume["name"], "readOnly": True, "mountPath": path}
        assert made["containers"][0]["volumeMounts"] == [mount]
        assert "volumes" not in (await world.client.create(pod("no", automountServiceAccountToken=False)))["spec"]
        metadata = {"name": "quiet", "namespace": "default"}
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
        secrets = {"automountServiceAccountToken": False, "imagePullSecrets": [{"name": "reg"}]}
        await world.client.create({**account, **secrets})
        quiet = (await world.client.create(pod("quiet", serviceAccountName="quiet")))["spec"]
        assert "volumes" not in quiet and quiet["imagePullSecrets"] == [{"name": "reg"}]
        status, error = await world.ask("POST", PODS, pod("x", serviceAccountName="absent"))
        assert status == 403 and error["message"] == (
            'pods "x" is forbidden: error looking up service account default/absent: serviceaccount "absent" not found'
        )

    in_world(test)


def test_a_kubelet_evicts_its_own_pods_only_and_spends_no_budget_of_others() -> None:
    async def test(world: World) -> None:
        for name, node in (("mine", "n1"), ("other", "n2")):
            made = pod(name, nodeName=node)
            made["metadata"]["labels"] = {"app": name}
            await world.client.create(made)
        budget = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget"}
        budget |= {"metadata": {"name": "b", "namespace": "default"}}
        selects = {"minAvailable": 0, "selector": {"matchLabels": {"app": "other"}}}
        await world.client.create({**budget, "spec": selects})
        status = {"disruptionsAllowed": 1, "observedGeneration": 1, "currentHealthy": 1, "expectedPods": 1}
        status |= {"desiredHealthy": 0}
        await world.client.patch("PodDisruptionBudget", "b", "default", patch={"status": status}, subresource="status")
        running = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        await world.client.patch("Pod", "other", "default", patch={"status": running}, subresource="status")
        for name, expected in (("other", 403), ("mine", 201)):
            eviction = {
                "apiVersion": "policy/v1",
                "kind": "Eviction",
                "metadata": {"name": name, "namespace": "default"},
            }
            code, error = await world.ask("POST", f"{PODS}/{name}/eviction", eviction, who=NODE)
            assert code == expected, error
        held = await world.client.get("PodDisruptionBudget", "b", "default")
        assert held["status"]["disruptionsAllowed"] == 1
        left = await world.client.get("Pod", "other", "default")
        assert "DisruptionTarget" not in [one["type"] for one in left["status"]["conditions"]]

    in_world(test)


def test_a_mirror_pod_has_no_account_and_refers_to_no_secret() -> None:
    """Whoever makes it: the API cannot see to it that a pod from a file on a node gets what it names."""

    async def test(world: World) -> None:
        def mirror(**spec: Any) -> dict[str, Any]:
            made = pod("mirror", nodeName="n1", **spec)
            return made | {"metadata": {**made["metadata"], "annotations": {"kubernetes.io/config.mirror": "x"}}}

        variable = {"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}
        token = {"projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}
        for why, spec in (
            ("reference service accounts", {"serviceAccountName": "default"}),
            ("reference secrets", {"imagePullSecrets": [{"name": "s"}]}),
            ("reference secrets", {"volumes": [{"name": "v", "secret": {"secretName": "s"}}]}),
            ("reference secrets", {"containers": [{"name": "a", "image": "i", "env": [variable]}]}),
            ("use ServiceAccountToken volume projections", {"volumes": [{"name": "v", **token}]}),
        ):
            status, error = await world.ask("POST", PODS, mirror(**spec))
            assert (status, error["message"]) == (403, f'pods "mirror" is forbidden: a mirror pod may not {why}')
        status, made = await world.ask("POST", PODS, mirror())
        assert status == 201 and "serviceAccountName" not in made["spec"] and "volumes" not in made["spec"]

    in_world(test)
