"""What a CustomResourceDefinition must be like, as a client sees it: what is told, where, and in which order."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.apiserver.judged import Obj, assert_begin, causes_of, created, one, told
from tests.unit.apiserver.world import World, in_world

AT = "spec.validation.openAPIV3Schema"
CRD = "apiextensions.k8s.io/v1"
TARGET = f"/apis/{CRD}/customresourcedefinitions/tabs.example.com"
MERGE = "application/merge-patch+json"
STRINGS: Obj = {"type": "object", "properties": {"a": {"type": "string"}}}
LIST_TYPE, LIST_KEYS, MAP_TYPE = (f"x-kubernetes-{name}" for name in ("list-type", "list-map-keys", "map-type"))


def version(schema: Obj | None = None, name: str = "v1", **fields: Any) -> Obj:
    stored = name == "v1"
    return {"name": name, "served": True, "storage": stored, "schema": {"openAPIV3Schema": schema or STRINGS}, **fields}


def definition(*versions: Obj, group: str = "example.com", **spec: Any) -> Obj:
    given = {
        "group": group,
        "scope": "Namespaced",
        "names": {"plural": "tabs", "kind": "Tab"},
        "versions": list(versions),
    }
    return one(CRD, "CustomResourceDefinition", f"tabs.{group}", spec={**given, **spec})


def field(schema: Obj) -> Obj:
    """A definition whose ``x`` is as ``schema`` says."""
    return definition(version({"type": "object", "properties": {"x": schema}}))


X = f"{AT}.properties[x]"
COLUMN = {"name": "a", "type": "string", "jsonPath": "{.a}"}
NEW: list[tuple[Obj, list[str]]] = [
    (definition(version()), []),
    (
        one(CRD, "CustomResourceDefinition", "tabs.example.com", spec={"names": {"categories": ["A"]}}),
        [
            'metadata.name: Invalid value: "tabs.example.com": must be spec.names.plural+"."+spec.group',
            "spec.group: Required value",
            "spec.scope: Required value",
            "spec.versions: Invalid value: []: must have exactly one version marked as storage version",
            "spec.names.plural: Required value",
            "spec.names.singular: Required value",
            "spec.names.kind: Required value",
            "spec.names.listKind: Required value",
            'spec.names.categories[0]: Invalid value: "A": ',
            "status.storedVersions: Invalid value: []: must have at least one stored version",
        ],
    ),
    # what all versions have in common is told once, and where upstream keeps it
    (
        definition(version(additionalPrinterColumns=[COLUMN], subresources={"scale": {"specReplicasPath": "a"}})),
        [
            'spec.subresources.scale.specReplicasPath: Invalid value: "a": must be a simple json path starting with .',
            "spec.subresources.scale.statusReplicasPath: Required value",
            'spec.additionalPrinterColumns[0].JSONPath: Invalid value: "{.a}": must be a simple json path starting ',
        ],
    ),
    (
        definition(version(), version({"type": "array", "items": {"type": "string"}}, "v2")),
        ['spec.versions[1].schema.openAPIV3Schema.type: Invalid value: "array": must be object at the root'],
    ),
    (
        definition(version({"type": "object", "properties": {"a": {}}}), version(STRINGS, "v2", deprecationWarning="")),
        [
            "spec.versions[0].schema.openAPIV3Schema.properties[a].type: Required value: must not be empty for ",
            'spec.versions[1].deprecationWarning: Invalid value: "": can only be set for deprecated versions',
        ],
    ),
    (
        definition(version(deprecated=True, deprecationWarning="ä\n")),
        [
            'spec.versions[0].deprecationWarning: Invalid value: "ä\\n": must only contain printable UTF-8 characters; '
            "non-printable character found at index 2"
        ],
    ),
    (
        definition(version({**STRINGS, "minProperties": 1}, subresources={"status": {}})),
        [f'{AT}: Invalid value: {{"type":"object","properties":{{"a":{{"type":"string"}}}},"minProperties":1}}: only '],
    ),
    # what is not structural, in order of its text, and then what is no schema at all
    (
        field({"type": "object", "properties": {"b": {}, "a": {"type": "array"}}, "uniqueItems": True}),
        [
            f"{X}.properties[a].items: Required value: must be specified",
            f"{X}.properties[b].type: Required value: must not be empty for specified object fields",
            f"{X}.uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes ",
        ],
    ),
    (
        field({"type": "array", "items": [{"type": "string"}]}),
        [f"{X}.items: Forbidden: items must be a schema object and not an array"],
    ),
    (
        definition(version({"type": "object", "properties": {"metadata": {"type": "object", "default": {}}}})),
        [
            f"{AT}.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but ",
            f"{AT}.properties[metadata].default: Forbidden: must not be set in top-level metadata",
        ],
    ),
    (field({"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": True}), []),
    (field({"type": "string", "x-kubernetes-int-or-string": True}), []),
    # lists and maps
    (
        field({LIST_TYPE: "heap", "type": "string", MAP_TYPE: "atomic"}),
        [
            f'{X}.type: Invalid value: "string": must be object if {MAP_TYPE} is specified',
            f'{X}.type: Invalid value: "string": must be array if {LIST_TYPE} is specified',
            f'{X}.{LIST_TYPE}: Unsupported value: "heap": supported values: "atomic", "set", "map"',
        ],
    ),
    (
        field({"type": "array", "items": {"type": "string"}, LIST_KEYS: ["a"]}),
        [f"{X}.{LIST_TYPE}: Required value: must be map if {LIST_KEYS} is non-empty"],
    ),
    (
        field({"type": "array", "items": STRINGS, LIST_TYPE: "map", LIST_KEYS: ["a", "b", "a"]}),
        [
            f'{X}.{LIST_KEYS}: Invalid value: ["a","b","a"]: entries must all be names of item properties',
            f'{X}.{LIST_KEYS}: Invalid value: ["a","b","a"]: must not contain duplicate entries',
            f"{X}.items.properties[a].default: Required value: this property is in {LIST_KEYS}, so it must have a ",
        ],
    ),
    # rules
    (
        field({"type": "string", "x-kubernetes-validations": [{"rule": "true", "message": " ", "reason": "No"}]}),
        [
            f'{X}.x-kubernetes-validations[0].message: Invalid value: " ": must be non-empty if specified',
            f'{X}.x-kubernetes-validations[0].reason: Unsupported value: "No": supported values: "FieldValueDup',
        ],
    ),
    # fields that lists may be chosen by
    (
        definition(version(selectableFields=[{"jsonPath": ".metadata.name"}, {"jsonPath": ".a"}, {"jsonPath": ".a"}])),
        [
            'spec.selectableFields[0].jsonPath: Invalid value: ".metadata.name": must not point to fields in metadata',
            'spec.selectableFields[2].jsonPath: Duplicate value: ".a"',
        ],
    ),
    # conversion
    (definition(version(), conversion={}), ["spec.conversion.strategy: Required value"]),
    (
        definition(version(), conversion={"strategy": "Magic", "webhook": {"conversionReviewVersions": ["v1"]}}),
        [
            'spec.conversion.strategy: Unsupported value: "Magic": supported values: "None", "Webhook"',
            "spec.conversion.conversionReviewVersions: Forbidden: should not be set when strategy is not set to ",
        ],
    ),
    (
        definition(version(), group="x.k8s.io"),
        ["metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups must have approval "],
    ),
]


@pytest.mark.parametrize(("given", "wanted"), NEW)
def test_what_a_definition_must_be_like(given: Obj, wanted: list[str]) -> None:
    assert_begin(told(given), wanted)


def test_a_definition_keeps_what_its_objects_are_stored_by() -> None:
    async def test(world: World) -> None:
        await created(world, definition(version()))
        spec = {"group": "x.example.com", "names": {"plural": "others"}, "scope": "Cluster"}
        answer = await world.ask("PATCH", TARGET, {"spec": spec}, content_type=MERGE)
        assert causes_of(*answer) == [
            'spec.group: Invalid value: "x.example.com": field is immutable',
            'spec.names.plural: Invalid value: "others": field is immutable',
        ]
        established = {"status": {"conditions": [{"type": "Established", "status": "True"}]}}
        await world.ask("PATCH", f"{TARGET}/status", established, content_type=MERGE)
        answer = await world.ask("PATCH", TARGET, {"spec": spec}, content_type=MERGE)
        assert [cause.partition(":")[0] for cause in causes_of(*answer)] == [
            "spec.scope",
            "spec.group",
            "spec.names.plural",
        ]

    in_world(test)


def test_a_converter_needs_sound_certificates_once_it_may_be_called() -> None:
    def converting(bundle: str) -> Obj:
        client = {"url": "https://a.example/c", "caBundle": bundle}
        webhook = {"clientConfig": client, "conversionReviewVersions": ["v1"]}
        return {"spec": {"conversion": {"strategy": "Webhook", "webhook": webhook}}}

    async def test(world: World) -> None:
        await created(world, definition(version(), **converting("Zm9v")["spec"]))
        established = {"status": {"conditions": [{"type": "Established", "status": "True"}]}}
        await world.ask("PATCH", f"{TARGET}/status", established, content_type=MERGE)
        assert causes_of(*await world.ask("PATCH", TARGET, converting("YmFy"), content_type=MERGE)) == []
        none = {"spec": {"conversion": {"strategy": "None", "webhook": None}}}
        assert causes_of(*await world.ask("PATCH", TARGET, none, content_type=MERGE)) == []
        assert causes_of(*await world.ask("PATCH", TARGET, converting("Zm9v"), content_type=MERGE)) == [
            'spec.conversion.webhookClientConfig.caBundle: Invalid value: "Zm9v": unable to load root certificates: '
            "data does not contain any valid RSA or ECDSA certificates"
        ]

    in_world(test)
