"""The configuration: one place for each key, every fault told at once by its key, and no folder inside another."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from tests.rooms import bound_by_rights, load_configuration

from facewarden import config
from facewarden.config.models import Configuration
from facewarden.errors import CONFIGURATION, CannotStart, Exit
from facewarden.values import Recipe

MINIMAL: dict[str, Any] = {"inboxes": [{"name": "photos", "path": "inbox", "outbox": "outbox"}]}
CANARY = "/home/Kowalska"


def faults_of(folder: Path, whole: object) -> tuple[str, ...]:
    """The faults for which this configuration is refused; they are one line each, and at least one."""
    with pytest.raises(CannotStart) as refused:
        load_configuration(folder, whole)
    assert refused.value.reason is CONFIGURATION
    assert refused.value.reason.exit == Exit.USAGE
    assert refused.value.faults
    assert all(fault.isprintable() for fault in refused.value.faults)
    return refused.value.faults


# The sample


def test_the_sample_in_the_repository_is_the_one_printed() -> None:
    """`config/facewarden.yaml` is what `facewarden sample-config` prints."""
    file = Path(__file__).parents[2] / "config" / "facewarden.yaml"
    assert file.read_text(encoding="utf-8") == config.sample()


def test_the_sample_is_nothing_but_defaults(tmp_path: Path) -> None:
    """The sample loads as it is, and means the same as an inbox with no choice made."""
    assert load_configuration(tmp_path, config.sample()) == load_configuration(tmp_path, MINIMAL)


def test_the_sample_shows_every_key_with_its_description() -> None:
    """No key can be added without the sample showing it, on a line of its own below its description."""
    shown = config.sample()

    def look(model: type[BaseModel]) -> None:
        for name, field in model.model_fields.items():
            assert field.description, name
            assert re.search(rf"^ *(- |# )?{name}:", shown, re.MULTILINE), name
            first = field.description.split()[:4]
            assert re.search(r"\s+(# +)?".join(map(re.escape, first)), shown), name
            if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
                look(field.annotation)

    look(Configuration)
    look(config.Inbox)


# Reading


def test_an_inbox_overrides_the_defaults_key_by_key(tmp_path: Path) -> None:
    """What an inbox does not say is as in `defaults`, also inside a section."""
    loaded = load_configuration(
        tmp_path,
        {
            "defaults": {"settle": 9, "detect": {"blazeface": 0.5, "smallest_face": 40}},
            "inboxes": [
                {"name": "a", "path": "a", "outbox": "out", "detect": {"centerface": None}},
                {"name": "b", "path": "b", "outbox": "out", "settle": 1},
            ],
        },
    )
    a, b = loaded.inboxes
    assert (a.settle, a.detect.blazeface, a.detect.centerface, a.detect.smallest_face) == (9, 0.5, None, 40)
    assert (b.settle, b.detect.blazeface, b.detect.smallest_face) == (1, 0.5, 40)
    assert b.detect.centerface == config.Profile().detect.centerface
    recipe = config.recipe_of(a, loaded.limits.for_worker())
    assert recipe.thresholds == {"blazeface": 0.5}
    assert Recipe.from_json(recipe.to_json()) == recipe


def test_relative_folders_start_at_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the service was started from plays no part; an absolute folder stays as it is."""
    monkeypatch.chdir("/")
    loaded = load_configuration(tmp_path, MINIMAL | {"state": "/var/lib/state"})
    (inbox,) = loaded.inboxes
    assert loaded.state == Path("/var/lib/state")
    assert (inbox.path, inbox.outbox) == (tmp_path / "inbox", tmp_path / "outbox")
    assert inbox.folder("quarantine") == tmp_path / "inbox-quarantine"


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    """Each fault is told by its key in the file's own notation, with what to write instead."""
    told = faults_of(
        tmp_path,
        {
            "sate": "x",
            "workers": "many",
            "limits": {"megabytes": 0, "side": "wide"},
            "defaults": {"redact": {"style": "blur"}, "photos": {"names": "*.jpg"}, "detect": {"centerface": 7}},
            "inboxes": [{"name": "Anna K.", "path": "", "outbox": "outbox", "orignals": "keep"}, "second", {}],
        },
    )
    expected = {
        "sate": "unknown key; did you mean state?",
        "workers": "write auto or a number from 1 to 256",
        "limits.megabytes": "greater than or equal to 1",
        "limits.side": "valid integer",
        "defaults.redact.style": "write one of 'veil', 'gaussian', 'mosaic'",
        "defaults.photos.names": "write a list",
        "defaults.detect.centerface": "write plan, a score from 0.01 to 1, or null",
        "inboxes[0].name": "use 1 to 32 of a-z",
        "inboxes[0].path": "write a path",
        "inboxes[0].orignals": "did you mean originals?",
        "inboxes[1]": "write its keys below it",
        "inboxes[2].name": "missing",
        "inboxes[2].path": "missing",
        "inboxes[2].outbox": "missing",
    }
    by_key = dict(fault.split(": ", 1) for fault in told)
    assert set(by_key) == set(expected)
    assert len(told) == len(expected)
    for key, advice in expected.items():
        assert advice in by_key[key], key


@pytest.mark.parametrize(
    ("whole", "key"),
    [
        ({"inboxes": MINIMAL["inboxes"] * 2}, "inboxes[0].name"),
        (MINIMAL | {"defaults": {"detect": {"blazeface": None, "centerface": None}}}, "inboxes[0].detect"),
        ({"inboxes": [{"name": "photos", "path": "/", "outbox": "outbox"}]}, "inboxes[0].path"),
        ({"inboxes": []}, "inboxes"),
        (MINIMAL | {"workers": 0}, "workers"),
        (MINIMAL | {"workers": 257}, "workers"),
        (MINIMAL | {"defaults": {"settle": float("nan")}}, "defaults.settle"),
        (MINIMAL | {"defaults": None}, "defaults"),
        ("a: 1\na: 2", "line 1, column 1"),
    ],
    ids=repr,
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, whole: object, key: str) -> None:
    """A configuration whose parts are well formed and that could not work is refused by the key at fault."""
    assert faults_of(tmp_path, whole)[0].split(": ")[0] == key


JUNK = [
    "path: *Kowalska",
    "path: !home/Kowalska x",
    "path: !<tag:Kowalska> x",
    "path: !!int /home/Kowalska",
    "path: !!bool /home/Kowalska",
    "path: !!float /home/Kowalska",
    "path: !!timestamp /home/Kowalska",
    "path: !!binary /home/Kowalska",
    "path: 2001-99-99 ",
    "!!map [/home/Kowalska]",
    "path: '/home/Kowalska",
    'path: "/home/\\Kowalska"',
    "path: @/home/Kowalska",
    "path: %/home/Kowalska",
    "%TAG ! /home/Kowalska\n---\npath: 1",
    "[" * 600,
    "path: " + "9" * 5000,
    "a: &x [*x, /home/Kowalska]",
    "<<: /home/Kowalska",
    "? {/home/Kowalska: 1}\n: 2",
    "inboxes: !!set {/home/Kowalska}",
    "state: !!binary L2hvbWUvS293YWxza2E=",
    "a\n---\n/home/Kowalska",
    "path:\t/home/Kowalska",
    "\0/home/Kowalska",
    'inboxes: [{name: photos, path: "/home/Kowalska\\uD800", outbox: "/home/Kowalska\\0"}]',
    b"path: /home/Kowalska\xff",
    b"\xff\xfe/\0h\0",
    "",
    "- /home/Kowalska",
]


@pytest.mark.parametrize("whole", JUNK, ids=range(len(JUNK)))
def test_what_is_no_configuration_is_refused_without_its_values(tmp_path: Path, whole: str | bytes) -> None:
    """Bad YAML of any kind gives faults, no traceback, and nothing of a value."""
    assert "Kowalska" not in repr(faults_of(tmp_path, whole))


@given(st.one_of(st.text(), st.binary(), st.text("[]{}:,-?!&*#|>'\"%@` \n\t0a", max_size=60)))
def test_any_text_is_loaded_or_refused(tmp_path_factory: pytest.TempPathFactory, whole: str | bytes) -> None:
    """No text at all makes anything but a configuration or faults."""
    with contextlib.suppress(UnicodeEncodeError):  # half a surrogate pair cannot be written into a file
        faults_of(tmp_path_factory.getbasetemp(), whole)


def _keys(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield name
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _keys(field.annotation)


ALL_KEYS = sorted({*_keys(Configuration), *_keys(config.Inbox)})
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.just(CANARY), st.sampled_from(["keep", "veil", "auto"])
)
KEYS = st.one_of(st.sampled_from(ALL_KEYS), st.integers(), st.none(), st.text("ab.\n", max_size=3))
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=12,
)
SHAPED = st.fixed_dictionaries(
    {"inboxes": st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(config.Inbox.model_fields, TREES)))},
    optional={key: TREES for key in Configuration.model_fields if key != "inboxes"} | {CANARY[1:3]: TREES},
)


@given(st.one_of(SHAPED, TREES))
@settings(max_examples=60)
def test_any_shape_is_loaded_or_refused_without_its_values(
    tmp_path_factory: pytest.TempPathFactory, whole: object
) -> None:
    """Real keys with wild values, at right and wrong places, give faults that hold no value, or a configuration."""
    faults: tuple[str, ...] = ("none",)
    try:
        load_configuration(tmp_path_factory.getbasetemp(), whole)
    except CannotStart as refused:
        faults = refused.faults
    assert faults
    assert all(fault.isprintable() and "Kowalska" not in fault for fault in faults)


def test_a_file_that_cannot_be_read_is_told_without_its_path(tmp_path: Path) -> None:
    """Missing, a folder, or closed to the service: a sentence, and no path."""
    (tmp_path / "folder").mkdir()
    closed = tmp_path / "closed"
    closed.touch(mode=0)
    for file in (tmp_path / "missing", tmp_path / "folder", closed):
        with bound_by_rights(), pytest.raises(CannotStart) as refused:
            config.load(file)
        assert str(tmp_path) not in repr(refused.value.faults) + str(refused.value)
