"""Stage files: YAML or JSON, from a file, a directory of them, or by the name of an example that podo brings.

    apiVersion: podo.dev/v1
    kind: Stages
    seed: 7                            # decides what chance decides; without one, the cluster does
    stages:                            # a pod plays the first that selects it
    - name: web                        # pods may choose it by the annotation podo.dev/stage
      select:                          # everything given must hold; without it, every pod
        labels: app=web,tier!=db       # a label selector as kubectl takes it
        ownerKinds: [ReplicaSet]       # of the controller; "" for pods of nobody's
        namespaces: [default]
      pullSeconds: 2                   # how long each image of such pods takes, once a node
      pullFailureProbability: 0.01
      startSeconds: 0.3                # how long a start takes
      readySeconds: 5                  # from the start until probes pass
      runSeconds: 60                   # until a container exits by itself (default: never)
      exitCode: 0                      # with which it does
      stopCode: 143                    # with which it ends when it is stopped (default 0)
      failure:                         # a run that ends badly
        probability: 0.1               # default 1
        times: 3                       # only the first so many runs of a container may (default: all)
        afterSeconds: 10               # from the start (default: when it would have ended, or at once)
        exitCode: 1
      usage:                           # what each container uses, from so many seconds after its start
      - {afterSeconds: 0, cpu: 50m, memory: 64Mi}
      - {afterSeconds: 60, cpu: 500m, memory: 128Mi}
      containers:                      # single containers by name, init containers always so
        migrate: {runSeconds: 3}

Seconds are a number or a distribution: ``{uniform: [1, 5]}``, ``{exponential: 30}`` (its mean),
``{normal: {mean: 5, deviation: 1}}``. Annotations of a pod (``podo.dev/run-seconds`` ...) go before its stage.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import orjson

from podo.node.stages.draw import Exponential, Fixed, Normal, Seconds, Uniform
from podo.node.stages.stage import Behaviour, Failure, Pull, Selection, Stage, Stages, Step
from podo.values import quantity, selector

T = TypeVar("T")
Document = Mapping[str, Any]
API_VERSION, KIND = "podo.dev/v1", "Stages"
EXAMPLES = Path(__file__).parent / "examples"
ENDINGS = (".yaml", ".yml", ".json")
#: Longest file, and the longest time that a stage may speak of (ten years).
LONGEST_FILE, LONGEST_SECONDS = 1 << 20, 315_360_000.0
BEHAVIOUR = frozenset({"startSeconds", "readySeconds", "runSeconds", "exitCode", "stopCode", "failure", "usage"})
STAGE = BEHAVIOUR | {"name", "select", "pullSeconds", "pullFailureProbability", "containers"}


class StagesProblem(ValueError):
    """A stage file cannot be used; the message says where and why."""


def example_names() -> list[str]:
    return sorted(path.stem for path in EXAMPLES.glob("*.yaml"))


def read(wanted: Path) -> bytes:
    """What a file, the files of a directory in the order of their names, or an example say: one document. Raises
    StagesProblem and OSError."""
    if not wanted.exists() and str(wanted) in example_names():
        wanted = EXAMPLES / f"{wanted}.yaml"
    files = [wanted]
    if wanted.is_dir():
        files = sorted(path for path in wanted.iterdir() if path.suffix in ENDINGS)
        if not files:
            raise StagesProblem(f"{wanted}: no file that ends in {', '.join(ENDINGS)}")
    found: list[Document] = []
    for file in files:
        documents = _documents(file.read_bytes(), str(file))
        for document in documents:
            _stages(document, str(file))  # here its place can still be told
        found += documents
    seeds = [document["seed"] for document in found if "seed" in document]
    joined = {"apiVersion": API_VERSION, "kind": KIND, "stages": [one for each in found for one in each["stages"]]}
    joined |= {"seed": seeds[0]} if seeds else {}
    parse(orjson.dumps(joined), str(wanted))
    return orjson.dumps(joined, option=orjson.OPT_INDENT_2)


def parse(document: bytes, where: str, seed: str = "") -> Stages:
    """``seed``: where the document gives none. Raises StagesProblem."""
    documents = _documents(document, where)
    stages = tuple(stage for each in documents for stage in _stages(each, where))
    names = [stage.name for stage in stages]
    if twice := next((name for name in names if names.count(name) > 1), ""):
        raise StagesProblem(f"{where}: more than one stage is named {twice!r}")
    seeds = [str(each["seed"]) for each in documents if "seed" in each]
    return Stages(stages, seeds[0] if seeds else seed)


def _documents(text: bytes, where: str) -> list[Document]:
    import yaml

    if len(text) > LONGEST_FILE:
        raise StagesProblem(f"{where}: longer than {LONGEST_FILE} bytes")
    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        found = [each for each in yaml.load_all(text, Loader=loader) if each is not None]
    except (yaml.YAMLError, ValueError, RecursionError) as problem:
        raise StagesProblem(f"{where}: neither YAML nor JSON: {problem}") from problem
    if not found:
        raise StagesProblem(f"{where}: empty")
    return found


def _stages(document: Any, where: str) -> list[Stage]:
    fields = _fields(document, {"apiVersion", "kind", "seed", "stages"}, where)
    if (fields.get("apiVersion"), fields.get("kind")) != (API_VERSION, KIND):
        raise StagesProblem(f"{where}: apiVersion {API_VERSION} and kind {KIND} are expected")
    if not isinstance(fields.get("seed", ""), str | int):
        raise StagesProblem(f"{where}: seed: a number or a text is expected")
    return [_stage(each, place) for each, place in _items(fields.get("stages"), f"{where}: stages")]


def _stage(found: Any, where: str) -> Stage:
    fields = _fields(found, STAGE, where)
    name = fields.get("name")
    if not isinstance(name, str) or not name:
        raise StagesProblem(f"{where}.name: a name is expected")
    containers = _fields(fields.get("containers") or {}, None, f"{where}.containers")
    for container, behaviour in containers.items():
        _fields(behaviour, BEHAVIOUR, f"{where}.containers.{container}")
    return Stage(
        name,
        _selection(
            _fields(fields.get("select") or {}, {"labels", "ownerKinds", "namespaces"}, f"{where}.select"), where
        ),
        Pull(_seconds(fields, "pullSeconds", where), _probability(fields, "pullFailureProbability", 0.0, where)),
        _behaviour(fields, where),
        {name: _behaviour(each, f"{where}.containers.{name}") for name, each in containers.items()},
    )


def _selection(fields: Document, where: str) -> Selection:
    labels = fields.get("labels")
    try:
        chosen = selector.parse(labels) if isinstance(labels, str) else None
    except selector.SelectorError as problem:
        raise StagesProblem(f"{where}.select.labels: {problem}") from problem
    if labels is not None and chosen is None:
        raise StagesProblem(f"{where}.select.labels: a label selector as text is expected, as app=web")
    kinds, namespaces = (_texts(fields.get(key), f"{where}.select.{key}") for key in ("ownerKinds", "namespaces"))
    return Selection(chosen, kinds, namespaces)


def _behaviour(fields: Document, where: str) -> Behaviour:
    return Behaviour(
        _seconds(fields, "startSeconds", where),
        _seconds(fields, "readySeconds", where),
        _seconds(fields, "runSeconds", where),
        _code(fields, "exitCode", where),
        _code(fields, "stopCode", where),
        _failure(fields["failure"], f"{where}.failure") if "failure" in fields else None,
        tuple(_steps(fields["usage"], f"{where}.usage")) if "usage" in fields else (),
    )


def _failure(found: Any, where: str) -> Failure:
    fields = _fields(found, {"probability", "times", "afterSeconds", "exitCode"}, where)
    times = fields.get("times")
    if times is not None and (not _is_whole(times) or times < 1):
        raise StagesProblem(f"{where}.times: a whole number from 1 on is expected, not {times!r}")
    code = _code(fields, "exitCode", where)
    probability = _probability(fields, "probability", 1.0, where)
    return Failure(probability, times, _seconds(fields, "afterSeconds", where), 1 if code is None else code)


def _steps(found: Any, where: str) -> Iterable[Step]:
    last = -1.0
    for each, place in _items(found, where):
        fields = _fields(each, {"afterSeconds", "cpu", "memory"}, place)
        after = _number(fields.get("afterSeconds", 0), f"{place}.afterSeconds")
        if after <= last:
            raise StagesProblem(f"{place}.afterSeconds: steps are expected in order of time")
        last = after
        cpu = _amount(fields, "cpu", place, quantity.cpu_millis)
        yield Step(after, cpu, _amount(fields, "memory", place, quantity.as_int))


def _seconds(fields: Document, key: str, where: str) -> Seconds | None:
    found, place = fields.get(key), f"{where}.{key}"
    if found is None:
        return None
    if not isinstance(found, dict):
        return Fixed(_number(found, place))
    if len(found) != 1 or not found.keys() <= {"uniform", "exponential", "normal"}:
        raise StagesProblem(f"{place}: one of uniform, exponential, normal is expected")
    ((kind, value),) = found.items()
    if kind == "exponential":
        return Exponential(_number(value, f"{place}.exponential"))
    if kind == "normal":
        parts = _fields(value, {"mean", "deviation"}, f"{place}.normal")
        mean, deviation = (_number(parts.get(part), f"{place}.normal.{part}") for part in ("mean", "deviation"))
        return Normal(mean, deviation)
    if not isinstance(value, list) or len(value) != 2:
        raise StagesProblem(f"{place}.uniform: two numbers are expected, [least, most]")
    least, most = (_number(each, f"{place}.uniform") for each in value)
    if most < least:
        raise StagesProblem(f"{place}.uniform: {most:g} is less than {least:g}")
    return Uniform(least, most)


# Single values


def _fields(found: Any, known: Iterable[str] | None, where: str) -> Document:
    if not isinstance(found, dict) or not all(isinstance(key, str) for key in found):
        raise StagesProblem(f"{where}: fields by name are expected")
    unknown = [] if known is None else sorted(found.keys() - set(known))
    if unknown:
        raise StagesProblem(f"{where}: unknown field {unknown[0]!r}; known: {', '.join(sorted(known or ()))}")
    return found


def _items(found: Any, where: str) -> list[tuple[Any, str]]:
    if not isinstance(found, list) or not found:
        raise StagesProblem(f"{where}: a list is expected")
    return [(each, f"{where}[{number}]") for number, each in enumerate(found)]


def _texts(found: Any, where: str) -> frozenset[str]:
    if found is None:
        return frozenset()
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise StagesProblem(f"{where}: a list of texts is expected")
    return frozenset(found)


def _number(found: Any, where: str) -> float:
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found <= LONGEST_SECONDS:
        raise StagesProblem(f"{where}: a number from 0 to {LONGEST_SECONDS:.0f} is expected, not {found!r}")
    return float(found)


def _is_whole(found: Any) -> bool:
    return isinstance(found, int) and not isinstance(found, bool)


def _code(fields: Document, key: str, where: str) -> int | None:
    found = fields.get(key)
    if found is None:
        return None
    if not _is_whole(found) or not 0 <= found <= 255:
        raise StagesProblem(f"{where}.{key}: an exit code from 0 to 255 is expected, not {found!r}")
    return int(found)


def _probability(fields: Document, key: str, default: float, where: str) -> float:
    found = fields.get(key, default)
    if isinstance(found, bool) or not isinstance(found, int | float) or math.isnan(found) or not 0 <= found <= 1:
        raise StagesProblem(f"{where}.{key}: a probability from 0 to 1 is expected, not {found!r}")
    return float(found)


def _amount(fields: Document, key: str, where: str, read: Callable[[str], int]) -> int:
    found = fields.get(key, "0")
    try:
        return max(0, read(str(found)))
    except quantity.QuantityError as problem:
        raise StagesProblem(f"{where}.{key}: {problem}") from problem
