"""PodTemplate (v1): a pod template by itself, for others to take."""

from __future__ import annotations

from typing import Any

from podo.api.columns import NAME, column, labels_text
from podo.api.kind import Kind, Obj
from podo.api.parts import pod_warnings
from podo.api.parts.podtemplate import fill_in_spec
from podo.api.parts.replicas import check_template
from podo.api.rules import Found


def _fill_in(template: Obj) -> None:
    found = template["template"] = template.get("template") or {}
    found.setdefault("metadata", {})
    fill_in_spec(found.setdefault("spec", {}))


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    template = new.get("template") or {}
    check_template(template, "template", found)
    return found


def _each(field: str) -> Any:
    def cell(template: Obj) -> str:
        containers = ((template.get("template") or {}).get("spec") or {}).get("containers") or ()
        return ",".join(container.get(field) or "" for container in containers)

    return cell


PODTEMPLATE = Kind(
    group="",
    version="v1",
    kind="PodTemplate",
    plural="podtemplates",
    singular="podtemplate",
    fill_in=_fill_in,
    problems=_problems,
    warnings=lambda new, old: pod_warnings.template_warnings(new.get("template") or {}, "template"),
    columns=(
        NAME,
        column("Containers", _each("name")),
        column("Images", _each("image")),
        column("Pod Labels", lambda t: labels_text(((t.get("template") or {}).get("metadata") or {}).get("labels"))),
    ),
    generation=True,
)
