"""The proof on generated data tells blind styles from those that let the inside through."""

from __future__ import annotations

import numpy as np
import pytest

from facewarden import regions
from facewarden.sandbox import proof, redact
from facewarden.values import STYLES, Style


@pytest.mark.parametrize("style", STYLES)
def test_the_exact_test_finds_no_difference_only_for_blind_styles(style: Style) -> None:
    """Nothing of the inside passes a blind style; of any other, nearly every trial shows it."""
    differing = proof.differing(style, trials=300, seed=1)
    if redact.STYLES[style].blind:
        assert differing == 0
    else:
        assert differing > 200


@pytest.mark.parametrize("subject", proof.SUBJECTS)
def test_nothing_of_a_hidden_area_passes_in_any_channel(subject: str) -> None:
    """Neither colour nor alpha of an inside has an influence; of styles that use its colours, alpha has none. Zones likewise."""
    assert proof.differing(subject, trials=300, seed=2) == 0


def test_the_proof_is_of_every_style_and_of_zones() -> None:
    """Each style is tried, as a whole or for its alpha."""
    assert {subject.removesuffix(proof.ALPHA) for subject in proof.SUBJECTS} == {*STYLES, proof.ZONES}


@pytest.mark.parametrize("style", [None, *STYLES])
def test_the_decoder_recognises_what_is_left(style: Style | None) -> None:
    """Everybody in untouched, blurred and pixelated views; in others no more than guessing, whose chance is 2.5 %."""
    figure = proof.recognised(style)
    if style is not None and redact.STYLES[style].blind:
        assert figure < 10  # six standard errors of 80 guesses above chance are 13
    else:
        assert figure > 90


def test_random_scenes_reach_the_hard_cases() -> None:
    """Among some hundred: a single pixel, each mode, whole frames, several areas that overlap, areas outside."""
    rng = np.random.default_rng(0)
    modes, whole, overlapping, outside, smallest = set(), 0, 0, 0, 9999
    for _ in range(400):
        frame = proof.random_frame(rng)
        areas = proof.random_areas(rng, *frame.shape[:2])
        each = [regions.coverage([area], *frame.shape[:2]) for area in areas]
        modes.add(frame.shape[2:])
        smallest = min(smallest, frame.shape[0] * frame.shape[1])
        whole += np.any(each, axis=0).all()
        overlapping += np.sum(each, axis=0).max() > 1
        outside += not all(covered.any() for covered in each)
    assert modes == {(), (3,), (4,)}
    assert smallest == 1
    assert min(whole, overlapping, outside) > 10


def test_the_same_seed_gives_the_same_figures() -> None:
    """A figure in the documentation can be had again."""
    assert proof.recognised("mosaic", seed=3) == proof.recognised("mosaic", seed=3)
    assert proof.differing("gaussian", 50, seed=3) == proof.differing("gaussian", 50, seed=3)
