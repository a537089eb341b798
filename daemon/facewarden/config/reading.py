"""Read a configuration file and tell every fault in it at once: which key, and what to write instead.

A fault never repeats a value, because values are paths.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from facewarden.config.models import Configuration, Inbox
from facewarden.config.recipe import read_emblem
from facewarden.errors import CONFIGURATION, CannotStart
from facewarden.files import givenfile


def load(file: Path) -> Configuration:
    """Read and check a configuration's shape; relative folders are made absolute from the file's folder.

    Raises CannotStart(CONFIGURATION) with every fault found, one line each.
    """
    raw = _read(file)
    try:
        Configuration.model_validate(raw)
        # A second time with the defaults laid under each inbox: only now do an inbox's keys stand alone.
        configuration = Configuration.model_validate(_merged(raw))
    except ValidationError as error:
        # An inbox with a fault is not counted, so that `too_short` only repeats what is told of the inbox itself.
        told = [fault for fault in error.errors() if fault["type"] != "too_short" or not raw.get("inboxes")]
        # A value with two allowed types has a fault for each.
        raise _refused(list(dict.fromkeys(_sentence(fault) for fault in told))) from None
    configuration = _absolute(configuration, file.resolve().parent)
    faults = _logical_faults(configuration)
    if faults:
        raise _refused(faults)
    return configuration


_WRITE = {
    "string_pattern_mismatch": "use 1 to 32 of a-z, 0-9, - and _, beginning with a letter or digit",
    "tuple_type": "write a list, as in [a, b]",
    "model_type": "write its keys below it, or leave it out",
    "path_type": "write a path",
}
"""What to write instead, by pydantic's kind of fault, where its own message speaks of Python."""


_SCORE = "write plan, a score from 0.01 to 1, or null"
_EITHER: dict[int | str, str] = {
    "workers": "write auto or a number from 1 to 256",
    "blazeface": _SCORE,
    "centerface": _SCORE,
    "yunet": _SCORE,
}
"""What to write for a key that takes one of several types."""


class _StrictLoader(yaml.SafeLoader):
    """YAML as usual, but a key given twice is a fault: the first value would be lost without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for key, count in Counter(keys).items():
            if count > 1:
                raise yaml.MarkedYAMLError(problem=f"the key {key} is given twice", problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)


def _read(file: Path) -> dict[str, Any]:
    try:
        raw = yaml.load(givenfile.read(file).decode(), Loader=_StrictLoader)  # noqa: S506 - it is a SafeLoader
    except OSError as error:
        raise _refused([f"the file cannot be read: {givenfile.why(error)}"]) from None
    except UnicodeDecodeError:
        raise _refused(["the file is not UTF-8 text: save it as UTF-8"]) from None
    except yaml.YAMLError as error:
        raise _refused([_yaml_fault(error)]) from None
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        # PyYAML passes on whatever its converters of numbers, dates and tags raise, and follows any depth.
        raise _refused(["a value is not what its form or tag promises: put it in quotes, or mend it"]) from None
    if not isinstance(raw, dict):
        raise _refused(["the file must be a mapping of keys: see `facewarden sample-config`"])
    return raw


def _refused(faults: list[str]) -> CannotStart:
    """Keys are told as they stand in the file, so what would move the cursor of a terminal is taken out."""
    plain = ("".join(letter if letter.isprintable() else "?" for letter in fault) for fault in faults)
    return CannotStart(CONFIGURATION, tuple(plain))


def _yaml_fault(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    problem = getattr(error, "problem", None) or "not valid YAML"
    # What PyYAML quotes may be part of a value.
    return place + re.sub(r"""['"].*['"]""", "…", problem, flags=re.DOTALL)


def _merged(raw: dict[str, Any]) -> dict[str, Any]:
    inboxes = [_laid_over(raw.get("defaults") or {}, inbox) for inbox in raw["inboxes"]]
    return raw | {"inboxes": inboxes}


def _laid_over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    result = dict(below)
    for key, value in above.items():
        both = isinstance(value, dict) and isinstance(below.get(key), dict)
        result[key] = _laid_over(below[key], value) if both else value
    return result


def _sentence(fault: ErrorDetails) -> str:
    """One line: the key's path in the file's own notation, and what is wrong or what to write instead."""
    kind, context = fault["type"], fault.get("ctx", {})
    # Where a key takes one of several types, pydantic adds the type that it tried to the key's path.
    location = [part for part in fault["loc"] if not str(part).startswith(("constrained-", "literal["))]
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")
    if location and location[-1] in _EITHER and len(location) < len(fault["loc"]):
        return f"{place}: {_EITHER[location[-1]]}"
    if kind == "extra_forbidden":
        return f"{place}: unknown key{_suggestion(fault['loc'])}"
    if kind == "literal_error":
        return f"{place}: write one of {context['expected']}"
    if kind == "missing":
        return f"{place}: missing, it must be given"
    message = _WRITE.get(kind) or fault["msg"].removeprefix("Value error, ")
    return f"{place}: {message[0].lower()}{message[1:]}"


def _suggestion(location: tuple[int | str, ...]) -> str:
    """`; did you mean …?` for a key that looks like one that exists at this place."""
    model: type[BaseModel] | None = Configuration
    for part in location[:-1]:
        if isinstance(part, int) or model is None:
            continue
        field = model.model_fields.get(part)
        annotation = Inbox if part == "inboxes" else field.annotation if field else None
        model = annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
    known = list(model.model_fields) if model else []
    close = difflib.get_close_matches(str(location[-1]), known, n=1)
    return f"; did you mean {close[0]}?" if close else f"; known here: {', '.join(known)}" if known else ""


def _logical_faults(configuration: Configuration) -> list[str]:
    faults = []
    names = Counter(inbox.name for inbox in configuration.inboxes)
    for index, inbox in enumerate(configuration.inboxes):
        if names[inbox.name] > 1:
            faults.append(f"inboxes[{index}].name: another inbox has this name; names must differ")
        if not inbox.detect.thresholds():
            faults.append(f"inboxes[{index}].detect: at least one detector must be asked, or nothing would be found")
        if inbox.detect.yunet and not configuration.weights.yunet:
            faults.append(f"inboxes[{index}].detect.yunet: it needs weights.yunet, see the README")
        if inbox.redact.style == "image":
            faults += [f"inboxes[{index}].{fault}" for fault in _emblem_faults(inbox)]
        if not inbox.path.name:
            faults.append(f"inboxes[{index}].path: the root folder cannot be an inbox")
    return faults


def _emblem_faults(inbox: Inbox) -> tuple[str, ...]:
    try:
        read_emblem(inbox.redact.emblem)
    except CannotStart as refusal:
        return refusal.faults
    return ()


def _absolute(configuration: Configuration, folder: Path) -> Configuration:
    """The same with every file and folder that was given made absolute."""
    roles = ("path", "outbox", "quarantine", "hold", "archive", "preview")
    inboxes = []
    for inbox in configuration.inboxes:
        given: dict[str, Any] = {role: folder / getattr(inbox, role) for role in roles if getattr(inbox, role)}
        if inbox.redact.emblem:
            given["redact"] = inbox.redact.model_copy(update={"emblem": folder / inbox.redact.emblem})
        programs = {
            key: folder / program for key in ("delivered", "quarantined") if (program := getattr(inbox.hooks, key))
        }
        given["hooks"] = inbox.hooks.model_copy(update=programs)
        inboxes.append(inbox.model_copy(update=given))
    weights = configuration.weights
    if weights.yunet:
        supplied = weights.yunet.model_copy(update={"path": folder / weights.yunet.path})
        weights = weights.model_copy(update={"yunet": supplied})
    placed: dict[str, Any] = {"state": folder / configuration.state, "inboxes": tuple(inboxes), "weights": weights}
    if configuration.metrics:
        placed["metrics"] = folder / configuration.metrics
    return configuration.model_copy(update=placed)
