"""What the API server itself does with a pod: what it merges when one is made, and what it keeps of a status."""

from __future__ import annotations

from typing import Any

import pytest

from podo.http.message import Response
from tests.unit.apiserver.world import World, in_world, pod

ONE = "/api/v1/namespaces/default/pods/web"
STRATEGIC = "application/strategic-merge-patch+json"
REQUIRED, PREFERRED = (
    "requiredDuringSchedulingIgnoredDuringExecution",
    "preferredDuringSchedulingIgnoredDuringExecution",
)
Obj = dict[str, Any]


def term(**fields: Any) -> Obj:
    return {"topologyKey": "zone", "labelSelector": {"matchLabels": {"app": "web"}}, **fields}


def spread(**fields: Any) -> Obj:
    return {**term(**fields), "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule"}


def labelled(**spec: Any) -> Obj:
    made = pod("web")
    made["metadata"]["labels"] = {"app": "web", "tenant": "a", "hash": "1"}
    made["spec"] |= spec
    return made


async def told(world: World, part: str, changes: Obj) -> tuple[int, Obj]:
    return await world.ask("PATCH", f"{ONE}{part}", changes, content_type=STRATEGIC)


def causes(answer: Obj) -> list[tuple[str, str, str]]:
    return [(one["reason"], one["field"], one["message"]) for one in answer["details"]["causes"]]


def test_label_keys_become_part_of_the_selectors_of_a_new_pod() -> None:
    async def test(world: World) -> None:
        keys = {"matchLabelKeys": ["hash", "absent"], "mismatchLabelKeys": ["tenant"]}
        affinity = {
            "podAffinity": {PREFERRED: [{"weight": 1, "podAffinityTerm": term(matchLabelKeys=["hash"])}]},
            "podAntiAffinity": {REQUIRED: [term(**keys), term()]},
        }
        constraints = [spread(matchLabelKeys=["hash"])]
        made = await world.client.create(labelled(affinity=affinity, topologySpreadConstraints=constraints))
        same = {"key": "hash", "operator": "In", "values": ["1"]}
        other = {"key": "tenant", "operator": "NotIn", "values": ["a"]}
        apart, plain = made["spec"]["affinity"]["podAntiAffinity"][REQUIRED]
        labels = {"app": "web"}
        assert apart == term(labelSelector={"matchLabels": labels, "matchExpressions": [same, other]}, **keys)
        assert plain == term()
        (liked,) = made["spec"]["affinity"]["podAffinity"][PREFERRED]
        (over,) = made["spec"]["topologySpreadConstraints"]
        for merged in (liked["podAffinityTerm"], over):
            assert merged["labelSelector"] == {"matchLabels": labels, "matchExpressions": [same]}
        status, answer = await told(world, "", {"metadata": {"labels": {"hash": "2"}}})
        assert status == 200 and answer["spec"] == made["spec"]

    in_world(test)


def test_label_keys_of_a_template_stay_as_they_are() -> None:
    async def test(world: World) -> None:
        template = {"metadata": {"labels": {"app": "web"}}, "spec": labelled()["spec"]}
        template["spec"]["topologySpreadConstraints"] = [spread(matchLabelKeys=["pod-template-hash"])]
        spec = {"selector": {"matchLabels": {"app": "web"}}, "template": template}
        made = await world.client.create(
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": "web", "namespace": "default"},
                "spec": spec,
            }
        )
        (constraint,) = made["spec"]["template"]["spec"]["topologySpreadConstraints"]
        assert constraint["labelSelector"] == {"matchLabels": {"app": "web"}}

    in_world(test)


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        (
            {"matchLabelKeys": ["app"]},
            "[0][0]",
            'Invalid value: "app": exists in both matchLabelKeys and labelSelector',
        ),
        (
            {"matchLabelKeys": ["hash"], "mismatchLabelKeys": ["hash"]},
            "[0].matchLabelKeys[0]",
            'Invalid value: "hash": exists in both matchLabelKeys and mismatchLabelKeys',
        ),
        (
            {"matchLabelKeys": ["hash"], "labelSelector": None},
            "[0].matchLabelKeys",
            "Forbidden: must not be specified when labelSelector is not set",
        ),
    ],
)
def test_label_keys_that_say_what_a_selector_says_are_refused(fields: Obj, field: str, message: str) -> None:
    async def test(world: World) -> None:
        affinity = {"podAntiAffinity": {REQUIRED: [term(**fields)]}}
        status, answer = await world.ask("POST", ONE.rpartition("/")[0], labelled(affinity=affinity))
        assert status == 422
        path = f"spec.affinity.podAntiAffinity.{REQUIRED}{field}"
        assert (path, message) in [(where, why) for _, where, why in causes(answer)]

    in_world(test)


def test_a_daemonset_on_the_hosts_network_need_not_name_host_ports() -> None:
    async def test(world: World) -> None:
        labels = {"app": "web"}
        spec = {"hostNetwork": True, "containers": [{"name": "a", "image": "a:1", "ports": [{"containerPort": 9100}]}]}
        made = await world.client.create(
            {
                "apiVersion": "apps/v1",
                "kind": "DaemonSet",
                "metadata": {"name": "web", "namespace": "default"},
                "spec": {
                    "selector": {"matchLabels": labels},
                    "template": {"metadata": {"labels": labels}, "spec": spec},
                },
            }
        )
        assert "hostPort" not in made["spec"]["template"]["spec"]["containers"][0]["ports"][0]

    in_world(test)


def test_a_status_keeps_what_its_writer_does_not_know() -> None:
    async def test(world: World) -> None:
        await world.client.create(pod("web"))
        ready = {"type": "Ready", "status": "True", "observedGeneration": 1}
        status, found = await told(
            world, "/status", {"status": {"observedGeneration": 1, "conditions": [ready], "podIP": "10.0.0.1"}}
        )
        assert status == 200 and found["status"]["podIPs"] == [{"ip": "10.0.0.1"}]
        found["status"] = {"phase": "Running", "podIPs": [{"ip": "10.0.0.2"}]}
        found["status"]["conditions"] = [
            {"type": "Ready", "status": "False"},
            {"type": "Initialized", "status": "True"},
        ]
        status, found = await world.ask("PUT", f"{ONE}/status", found)
        assert status == 200, found
        kept = found["status"]
        assert (kept["qosClass"], kept["observedGeneration"], kept["podIP"]) == ("BestEffort", 1, "10.0.0.2")
        assert [one.get("observedGeneration") for one in kept["conditions"]] == [1, None]

    in_world(test)


@pytest.mark.parametrize(
    ("status", "problems"),
    [
        (
            {"qosClass": "Guaranteed"},
            [("FieldValueInvalid", "status.qosClass", 'Invalid value: "Guaranteed": field is immutable')],
        ),
        (
            {"observedGeneration": -1, "conditions": [{"type": "Ready", "status": "True", "observedGeneration": -2}]},
            [
                ("FieldValueInvalid", "status.conditions[0].observedGeneration", -2),
                ("FieldValueInvalid", "status.observedGeneration", -1),
            ],
        ),
        (
            {"podIPs": [{"ip": "10.0.0.1"}, {"ip": "10.0.0.2"}], "hostIPs": [{"ip": "x"}], "hostIP": "10.0.0.9"},
            [
                ("FieldValueInvalid", "status.hostIPs[0].ip", 'Invalid value: "x": must be equal to `hostIP`'),
                (
                    "FieldValueInvalid",
                    "status.podIPs",
                    'Invalid value: [{"ip":"10.0.0.1"},{"ip":"10.0.0.2"}]: '
                    "may specify no more than one IP for each IP family",
                ),
                (
                    "FieldValueInvalid",
                    "status.hostIPs[0]",
                    'Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
                ),
            ],
        ),
        (
            {"resourceClaimStatuses": [{"name": "a"}]},
            [
                (
                    "FieldValueInvalid",
                    "status.resourceClaimStatuses[0].name",
                    'Invalid value: "a": must match the name of an entry in `spec.resourceClaims`',
                )
            ],
        ),
        (
            {"containerStatuses": [{"name": "main", "allocatedResourcesStatus": [{"name": "example.com/gpu"}]}]},
            [
                (
                    "FieldValueInvalid",
                    "status.containerStatuses[0].allocatedResourcesStatus[0].name",
                    'Invalid value: "example.com/gpu": must match one of the container\'s resource requests',
                )
            ],
        ),
    ],
)
def test_what_a_status_may_not_be(status: Obj, problems: list[tuple[str, str, Any]]) -> None:
    async def test(world: World) -> None:
        await world.client.create(pod("web"))
        code, answer = await told(world, "/status", {"status": status})
        wanted = [
            (reason, field, why if isinstance(why, str) else f"Invalid value: {why}: must be a non-negative integer")
            for reason, field, why in problems
        ]
        assert code == 422 and causes(answer) == wanted

    in_world(test)


@pytest.mark.parametrize(
    ("policy", "code", "expected"), [("Never", 1, 422), ("OnFailure", 0, 422), ("OnFailure", 1, 200)]
)
def test_a_container_that_has_ended_for_good_does_not_run_again(policy: str, code: int, expected: int) -> None:
    async def test(world: World) -> None:
        made = pod("web")
        made["spec"]["restartPolicy"] = policy
        name = (await world.client.create(made))["spec"]["containers"][0]["name"]
        ended = {"name": name, "state": {"terminated": {"exitCode": code}}}
        assert (await told(world, "/status", {"status": {"containerStatuses": [ended]}}))[0] == 200
        runs = {"name": name, "state": {"running": {}}}
        status, answer = await told(world, "/status", {"status": {"containerStatuses": [runs]}})
        assert status == expected
        if expected == 422:
            field, why = "status.containerStatuses[0].state", "may not be transitioned to non-terminated state"
            assert causes(answer) == [("FieldValueForbidden", field, f"Forbidden: {why}")]

    in_world(test)


def test_a_pod_is_not_bound_while_gates_hold_it_back() -> None:
    async def test(world: World) -> None:
        await world.client.create(labelled(schedulingGates=[{"name": "example.com/wait"}]))
        status, answer = await world.ask("POST", f"{ONE}/binding", {"target": {"kind": "Node", "name": "n1"}})
        assert status == 409 and "pod web has non-empty .spec.schedulingGates" in answer["message"]
        status, answer = await world.ask("POST", f"{ONE}/binding", {"target": {"kind": "Service"}})
        assert [field for _, field, _ in causes(answer)] == ["target.kind", "target.name"]

    in_world(test)


def test_a_refused_update_shows_what_differs() -> None:
    async def test(world: World) -> None:
        await world.client.create(pod("web"))
        status, answer = await told(world, "", {"spec": {"hostname": "other"}})
        assert status == 422
        ((reason, field, message),) = causes(answer)
        assert (reason, field) == ("FieldValueForbidden", "spec")
        assert message.endswith('@@ -1 +1,3 @@\n-{}\n+{\n+  "hostname": "other"\n+}\n')

    in_world(test)


APPARMOR = "container.apparmor.security.beta.kubernetes.io/"
LOCALHOST = {"type": "Localhost", "localhostProfile": "mine"}


@pytest.mark.parametrize(
    ("annotation", "own", "whole", "expected", "told"),
    [
        ("runtime/default", None, None, {"type": "RuntimeDefault"}, True),
        ("unconfined", None, {"type": "RuntimeDefault"}, {"type": "Unconfined"}, True),
        ("localhost/mine", None, None, LOCALHOST, True),
        ("localhost/mine", LOCALHOST, None, LOCALHOST, False),
        ("runtime/default", None, {"type": "RuntimeDefault"}, None, False),
        ("", None, None, None, True),
        ("localhost/", None, None, None, True),
    ],
)
def test_apparmor_profiles_of_annotations_become_fields(
    annotation: str, own: Obj | None, whole: Obj | None, expected: Obj | None, told: bool
) -> None:
    context = {"securityContext": {"runAsUser": 7, **({"appArmorProfile": own} if own else {})}}
    plain = {"name": "other", "image": "i"}
    made = labelled(
        containers=[{"name": "main", "image": "i", **context}, plain],
        **({"securityContext": {"appArmorProfile": whole}} if whole else {}),
    )
    made["metadata"]["annotations"] = {f"{APPARMOR}main": annotation}

    async def test(world: World) -> None:
        found = await world.answer("POST", "/api/v1/namespaces/default/pods", made)
        assert isinstance(found, Response) and found.status == 201, found
        warned = [text for name, text in found.headers if name == "Warning"]
        assert len(warned) == told and all("deprecated since v1.30" in each for each in warned)
        main, other = (await world.ask("GET", ONE))[1]["spec"]["containers"]
        assert main["securityContext"] == {"runAsUser": 7, **({"appArmorProfile": expected} if expected else {})}
        assert "securityContext" not in other

    in_world(test)
