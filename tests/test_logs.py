"""Logs that tell nobody: whatever is logged, by whom and how, nothing but allowed keys with harmless values comes out."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import re
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st
from watchdog.events import LoggingEventHandler
from watchdog.observers import Observer

from facewarden import logs

CANARY = "/home/anna/Kündigung Anna Kowalska.jpg"
"""A path as it might come into a log line; no part of it is an allowed value."""

PARTS = ("anna", "Kowalska", "Kündigung", "K\\u00fcndigung")


@contextlib.contextmanager
def listening(style: Literal["json", "console"] = "json") -> Iterator[io.StringIO]:
    """What a process configured this way writes to its stderr; afterwards all is as it was."""
    before = (sys.stderr, sys.excepthook, threading.excepthook, sys.unraisablehook)
    handlers, level = logging.root.handlers, logging.root.level
    shown = warnings.showwarning
    heard = sys.stderr = io.StringIO()
    try:
        logs.configure(style)
        yield heard
    finally:
        sys.stderr, sys.excepthook, threading.excepthook, sys.unraisablehook = before
        logging.root.handlers, logging.root.level = handlers, level
        logging.captureWarnings(capture=False)
        warnings.showwarning = shown
        structlog.reset_defaults()


def tells_nothing(text: str) -> bool:
    return not any(part in text for part in PARTS)


class Telling:
    """An object whose every text is the canary."""

    def __repr__(self) -> str:
        return CANARY

    def __str__(self) -> str:
        return CANARY


class TellingNumber(int):
    """A number that passes for one and prints itself as the canary."""

    def __repr__(self) -> str:
        return CANARY

    __str__ = __repr__


VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(),
        st.binary(),
        st.sampled_from([CANARY, CANARY.encode(), Path(CANARY), Telling(), TellingNumber(7), OSError(2, "no", CANARY)]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=5,
)
KEYS = st.one_of(st.sampled_from([*logs.ALLOWED, "exc_info", "stack_info"]), st.text()).filter(
    lambda key: key not in ("self", "event")
)
HARMLESS = re.compile(r"[A-Za-z0-9_.:+-]{1,64}")


@given(entry=st.dictionaries(KEYS, VALUES, max_size=6), event=st.one_of(st.just("job"), st.text(), st.just(CANARY)))
@settings(max_examples=60)
def test_only_allowed_keys_with_harmless_values_come_out(entry: dict[str, Any], event: str) -> None:
    """Whatever is thrown in, each line holds allowed keys only, and numbers, truth values or one short plain word."""
    with listening() as heard:
        structlog.get_logger().warning(event, **entry)
    (line,) = heard.getvalue().splitlines()
    told = json.loads(line)
    assert set(told) <= set(logs.ALLOWED)
    assert all(isinstance(value, bool | int | float) or HARMLESS.fullmatch(value) for value in told.values())
    assert tells_nothing(line)


@pytest.mark.parametrize("style", ["json", "console"])
@pytest.mark.parametrize("key", ["event", "job", "inbox", "place", "regions", "library", "path", "exc_info"])
@pytest.mark.parametrize(
    "value", [CANARY, Path(CANARY), Telling(), TellingNumber(7), [CANARY], {"x": CANARY}], ids=type
)
def test_no_style_and_no_key_lets_a_path_through(style: Literal["json", "console"], key: str, value: object) -> None:
    """A path under any key, in any disguise, leaves no trace on a terminal or in a file."""
    with listening(style) as heard:
        structlog.get_logger().info(**({"event": "job"} | {key: value}))
    assert heard.getvalue().count("\n") == 1
    assert tells_nothing(heard.getvalue())


@pytest.mark.parametrize("key", [key for key in logs.ALLOWED if key != "timestamp"])
@pytest.mark.parametrize("name", ["Kowalska.jpg", "Anna", "DSC_0042.JPG", "0123456789abcdef0.jpg"])
def test_a_name_of_one_plain_word_does_not_pass_for_a_value(key: str, name: str) -> None:
    """Under whatever key: each takes numbers, or text of its own shape, and classes and libraries are told by us alone."""
    with listening() as heard:
        structlog.get_logger().info(**({"event": "job"} | {key: name}))
    told = json.loads(heard.getvalue())
    assert name not in told.values() or (key in ("exception", "library") and name == "Anna")


def test_what_is_allowed_comes_out_whole() -> None:
    """A job's line holds each of its allowed keys with its value."""
    with listening() as heard:
        structlog.get_logger().info("job", job="0f3a", inbox="photos", regions=2, wait_s=0.5, duplicate=True)
    told = json.loads(heard.getvalue())
    assert told.pop("timestamp").endswith("Z")
    assert told == {
        "event": "job",
        "level": "info",
        "job": "0f3a",
        "inbox": "photos",
        "regions": 2,
        "wait_s": 0.5,
        "duplicate": True,
    }


@pytest.mark.parametrize("style", ["json", "console"])
def test_an_exception_leaves_none_of_its_text(style: Literal["json", "console"]) -> None:
    """Logged with its traceback, its stack or as positional arguments, an exception tells nothing it holds."""
    with listening(style) as heard:
        try:
            Path(CANARY).read_bytes()
        except OSError as error:
            structlog.get_logger().exception("job", error=error, exc_info=error)
            structlog.get_logger().warning("job %s", CANARY, stack_info=True)
            logging.getLogger("watchdog").exception("failed on %s", CANARY)
    assert heard.getvalue().count("\n") == 3
    assert tells_nothing(heard.getvalue())


@given(
    name=st.one_of(st.sampled_from(["watchdog.observers", "asyncio", "json.x", "", CANARY, "anna"]), st.text()),
    level=st.integers(0, 120),
    message=st.one_of(st.just("found %s"), st.text()),
)
def test_a_library_leaves_nothing_of_its_text(name: str, level: int, message: str) -> None:
    """A foreign record of any logger, level and text becomes a line that names a loaded module at most."""
    with listening() as heard:
        record = logging.LogRecord(name, level, CANARY, 7, message, (CANARY,), None, CANARY)
        logging.root.handle(record)
    for line in heard.getvalue().splitlines():
        told = json.loads(line)
        assert told["event"] == "library_message"
        assert told["library"] == "other" or told["library"] in sys.modules
        assert set(told) == {"event", "level", "timestamp", "library"}
        assert tells_nothing(line)
    assert heard.getvalue() or level < logging.INFO


def test_watchdog_itself_leaves_nothing(tmp_path: Path) -> None:
    """What watchdog really logs about a folder that is taken away under it holds no path here."""
    folder = tmp_path / "anna Kowalska"
    (folder / "inner").mkdir(parents=True)
    with listening() as heard:
        logging.getLogger("watchdog").setLevel(logging.DEBUG)
        observer = Observer()
        observer.schedule(LoggingEventHandler(logger=logging.getLogger("watchdog.events")), str(folder), recursive=True)
        observer.start()
        (folder / "inner").rmdir()
        folder.rename(tmp_path / "Kowalska")
        logging.getLogger("watchdog.observers.inotify_buffer").warning("lost %s", folder)
        observer.stop()
        observer.join(10)
        logging.getLogger("watchdog").setLevel(logging.NOTSET)
    assert "library_message" in heard.getvalue()
    assert tells_nothing(heard.getvalue())


def test_a_warning_leaves_nothing() -> None:
    """A Python warning, as libraries give with paths in them, becomes a library's line."""
    with listening() as heard, warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(CANARY, ResourceWarning, stacklevel=1)
        assert "library_message" in heard.getvalue()
    assert tells_nothing(heard.getvalue())


@pytest.mark.parametrize("style", ["json", "console"])
@pytest.mark.parametrize("where", ["main", "thread", "unraisable", "exit"])
def test_what_nobody_caught_tells_its_class_alone(style: str, where: str) -> None:
    """An unforeseen exception in any place prints no traceback and no text, only its class and our place in the code."""
    script = f"""
import sys, threading
from pathlib import Path
from facewarden import files, logs
logs.configure({style!r})
def fail():
    with files.folder(Path({CANARY!r})):
        pass
class Dying:
    def __del__(self):
        fail()
where = {where!r}
if where == "main":
    fail()
elif where == "thread":
    thread = threading.Thread(target=fail, name={CANARY!r})
    thread.start()
    thread.join()
elif where == "unraisable":
    Dying()
else:
    thread = threading.Thread(target=sys.exit, args=({CANARY!r},))
    thread.start()
    thread.join()
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ended.returncode == (where == "main")
    assert ended.stdout == ""
    assert tells_nothing(ended.stderr)
    assert "Traceback" not in ended.stderr
    if where == "exit":
        return
    assert "unforeseen" in ended.stderr
    assert "FileNotFoundError" in ended.stderr
    assert "facewarden.files:" in ended.stderr
