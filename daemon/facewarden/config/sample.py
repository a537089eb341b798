"""The commented sample of a configuration, made from the models so that it can never disagree with them."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from facewarden.config.models import Configuration, Inbox
from facewarden.config.profile import Profile

_HEAD = """\
# Configuration of facewarden. Each key is shown with its default; unknown keys are refused.
# Relative folders start at this file's folder. Check it with: facewarden check -c FILE

"""


def sample() -> str:
    """The sample as YAML text: loads as it is, with one inbox."""
    return _HEAD + "\n".join(_lines(Configuration, 0)) + "\n"


def _lines(model: type[BaseModel], depth: int) -> Iterator[str]:
    indent = "  " * depth
    for name, field in model.model_fields.items():
        yield from textwrap.wrap(
            field.description or "", 110 - len(indent), initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# "
        )
        if name == "inboxes":
            yield f"{indent}inboxes:"
            yield from _inbox(depth + 1)
        elif isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield f"{indent}{name}:"
            yield from _lines(field.annotation, depth + 1)
        else:
            yield f"{indent}{name}: {_yaml(field.default)}"
        if depth == 0:
            yield ""


def _inbox(depth: int) -> Iterator[str]:
    """An inbox's own keys; folders with a default place are shown commented out."""
    own = {name: field for name, field in Inbox.model_fields.items() if name not in Profile.model_fields}
    indent = "  " * depth
    mark = "- "
    for name, field in own.items():
        comment = f"{indent}  # " if mark == "  " else f"{indent}# "
        yield from textwrap.wrap(
            field.description or "", 110 - len(indent), initial_indent=comment, subsequent_indent=comment
        )
        if field.default is None:
            yield f"{indent}  # {name}: {name}"
        else:
            yield f"{indent}{mark}{name}: {_yaml(field.examples[0] if field.examples else field.default)}"
        mark = "  "
    yield f"{indent}  # Any key of `defaults` can be set here for this inbox alone, for example:"
    yield f"{indent}  # without_face: hold"


def _yaml(value: Any) -> str:
    if value is PydanticUndefined or value is None:
        return "null"
    if isinstance(value, tuple):
        return json.dumps(list(value))
    if isinstance(value, (str, bool)):
        return json.dumps(value) if not str(value).isalpha() or isinstance(value, bool) else value
    return str(value)
