"""The figures of `evaluate`: what counts as hidden, what as stray, and that bad labels are told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tests.cli.test_cli import facewarden

from facewarden.checks.evaluation import Figures, Labelled, read_labels, read_predictions, wilson
from facewarden.errors import CannotStart, Exit
from facewarden.values import Pixels, Region


def area(x: float, y: float, width: float, height: float) -> Region:
    return Region(x, y, width, height, 0.9, "centerface", "rectangle")


@pytest.mark.parametrize(("covered", "hidden"), [(40, 1), (30, 1), (29, 0), (0, 0)])
def test_a_face_is_hidden_from_three_quarters_on(covered: int, hidden: int) -> None:
    """A face of 40 rows counts as hidden when 30 of them are covered, and not when 29 are."""
    figures = Figures()
    areas = [area(0, 10, 100, covered)] if covered else []
    figures.add(Labelled(file="a", faces=[(20, 10, 20, 40)]), areas, 100, 100, None)
    assert (figures.faces["32-64"], figures.hidden["32-64"]) == (1, hidden)


def test_stray_area_is_what_is_covered_far_from_faces() -> None:
    """Coverage within twice a labelled or ignored face is no stray; all other is, as a share of the photo."""
    figures = Figures()
    labelled = Labelled(file="a", faces=[(40, 40, 20, 20)], ignore=[(0, 0, 10, 10)])
    areas = [area(30, 30, 40, 40), area(0, 0, 10, 10), area(80, 80, 10, 10)]
    figures.add(labelled, areas, 100, 100, 2.0)
    summary = figures.summary()
    assert summary["stray"] == pytest.approx(0.01)
    assert summary["seconds_a_photo"] == 2.0
    assert summary["seconds_a_megapixel"] == pytest.approx(200)


@given(st.integers(1, 5000).flatmap(lambda faces: st.tuples(st.integers(0, faces), st.just(faces))))
def test_the_interval_holds_the_share(counts: tuple[int, int]) -> None:
    """A 95 % interval lies within 0..1 and around the share itself."""
    low, high = wilson(*counts)
    share = counts[0] / counts[1]
    assert 0 <= low <= share + 1e-9
    assert share - 1e-9 <= high <= 1


def test_bad_labels_are_told_by_place(tmp_path: Path) -> None:
    """A label file with faults names the entry and the field, and no photo."""
    file = tmp_path / "labels.json"
    file.write_text(json.dumps([{"file": "canary.jpg", "faces": [[1, 2, 3]]}]))
    with pytest.raises(CannotStart) as refusal:
        read_labels([file])
    assert "label file 1: 0.faces.0" in refusal.value.faults[0]
    assert "canary" not in "".join(refusal.value.faults)
    file.write_text("no json")
    with pytest.raises(CannotStart):
        read_labels([file])
    with pytest.raises(CannotStart):
        read_predictions(file)


def test_evaluate_prints_the_table(tmp_path: Path, astronaut: Pixels) -> None:
    """A labelled photo is searched and counted beside another tool's areas that miss the face."""
    Image.fromarray(astronaut).save(tmp_path / "someone.png")
    labels, areas = tmp_path / "labels.json", tmp_path / "areas.jsonl"
    labels.write_text(json.dumps([{"file": "someone.png", "faces": [[175, 60, 95, 120]]}]))
    regions = [{"x": 0, "y": 400, "width": 50, "height": 50, "shape": "ellipse"}]
    line = {"file": str(tmp_path / "someone.png"), "width": 512, "height": 512, "regions": regions, "seconds": 1.5}
    areas.write_text(json.dumps(line))
    done = facewarden("evaluate", labels, "--against", areas, "--json")
    assert done.returncode == Exit.FINE, done.stderr
    figures = json.loads(done.stdout)
    assert figures["balanced"]["all"]["hidden"] == 1
    assert figures["against"]["all"]["hidden"] == 0
    assert figures["against"]["seconds_a_photo"] == 1.5
    assert figures["against"]["stray"] > 0.005
    table = facewarden("evaluate", labels, "--against", areas)
    assert "over 64" in table.stdout
    assert "stray area" in table.stdout


def test_the_same_areas_on_both_sides_give_the_same_figures(tmp_path: Path, astronaut: Pixels) -> None:
    """What `detect --json` prints is read back as the same areas."""
    Image.fromarray(astronaut).save(tmp_path / "someone.png")
    (tmp_path / "labels.json").write_text(json.dumps([{"file": "someone.png", "faces": [[175, 60, 95, 120]]}]))
    (tmp_path / "ours.jsonl").write_text(facewarden("detect", tmp_path / "someone.png", "--json").stdout)
    done = facewarden("evaluate", tmp_path / "labels.json", "--against", tmp_path / "ours.jsonl", "--json")
    figures = json.loads(done.stdout)
    for key in ("all", "by_height"):
        assert figures["balanced"][key] == figures["against"][key]
    assert np.isclose(figures["balanced"]["stray"], figures["against"]["stray"], atol=1e-3)


def test_a_configuration_says_how_to_search(tmp_path: Path, astronaut: Pixels) -> None:
    """Zones and plan of a configuration's defaults are what is measured; its faults are told, and nothing is searched."""
    Image.fromarray(astronaut).save(tmp_path / "someone.png")
    labels, file = tmp_path / "labels.json", tmp_path / "facewarden.yaml"
    labels.write_text(json.dumps([{"file": "someone.png", "faces": [[0, 400, 50, 50]]}]))
    zones = {"always": [{"rectangle": [0, 380, 100, 100]}]}
    defaults = {"zones": zones, "detect": {"plan": "strict", "smallest_face": 60}}
    whole = {"defaults": defaults, "inboxes": [{"name": "a", "path": "in", "outbox": "out"}]}
    file.write_text(json.dumps(whole))
    done = facewarden("evaluate", labels, "-c", file, "--json")
    assert done.returncode == Exit.FINE, done.stderr
    assert json.loads(done.stdout)["strict"]["all"]["hidden"] == 1
    file.write_text(json.dumps(whole | {"defaultz": 1}))
    refused = facewarden("evaluate", labels, "-c", file)
    assert refused.returncode == Exit.USAGE
    assert "defaultz" in refused.stderr
