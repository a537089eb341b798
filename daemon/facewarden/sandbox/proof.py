"""Proof on generated data of what each style lets through: an exact test, and a decoder that tries to recognise.

The exact test redacts two frames that are equal outside the areas and random inside, in colours and in alpha. If the
results are equal byte for byte, in thousands of random frames and sets of areas, no sample of the inside has an
influence. Of a style that uses the colours inside, alpha alone is tried: of that nothing may be left either. Zones are
tried as areas are. The decoder stands for an attacker who trains on redacted photos of the same people (McPherson,
Shokri and Shmatikov 2016): what it recognises far above chance is still in the result. It is a plain linear one, so
what it does not find may still be there; the exact test alone proves. No photo and no set of faces is needed for
either.

`python -I -m facewarden.sandbox.proof SCENES` runs both and prints what it has found as lines of JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from facewarden import regions
from facewarden.sandbox import redact
from facewarden.sandbox.refine import zones
from facewarden.values import SHAPES, STYLES, Pixels, Region, Style, Zone, ZoneShape

BATCH = 100
"""Scenes between two signs of life."""
LONGEST = 200
"""Side in pixels of the largest random frame."""

IDENTITIES = 40
VIEWS = 10
TRAINING = 8
"""Views of each identity that the decoder trains on; the others are to be recognised."""
CHANCE = 100 / IDENTITIES
"""Per cent that are recognised by guessing."""
FACE = Region(x=24.0, y=24.0, width=80.0, height=96.0, score=1.0, detector="centerface", shape="ellipse")
SCENE = (144, 128)
"""Height and width of a generated scene around FACE."""
EMBLEM: Pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 4), dtype=np.uint8)
"""What style `image` draws: every colour at every opacity."""
FEATURES = 16
"""The decoder sees the area's bounding rectangle in 16 by 16 grey pixels."""


def report(scenes: int) -> Iterator[dict[str, Any]]:
    """What there is to find, piece by piece: first the number of pieces, then each exact test's and each decoder's.

    Of an exact test each piece is one of at most BATCH scenes, with a seed of its own.
    """
    batches = [(start, min(BATCH, scenes - start)) for start in range(0, scenes, BATCH)]
    yield {"pieces": len(SUBJECTS) * len(batches) + len(STYLES) + 1, "chance": CHANCE, "subjects": SUBJECTS}
    for subject in SUBJECTS:
        for seed, trials in batches:
            yield {"style": subject, "scenes": trials, "differing": differing(subject, trials, seed)}
    for style in (None, *STYLES):
        yield {"style": style or "untouched", "recognised": recognised(style)}


ALPHA = ", alpha"
"""Ends the name of a style of which alpha alone is tried."""
ZONES = "zones"
SUBJECTS: tuple[str, ...] = (
    *(style if redact.STYLES[style].blind else style + ALPHA for style in STYLES),
    ZONES,
)
"""What the exact test is made of."""


def differing(subject: str, trials: int, seed: int = 0) -> int:
    """In how many of the trials another inside gives another result: 0 where nothing of it is used.

    `subject` is a style, a style and ALPHA, or ZONES.
    """
    rng = np.random.default_rng(seed)
    if subject == ZONES:
        return sum(_zones_differ(rng) for _ in range(trials))
    style = next(style for style in STYLES if style == subject.removesuffix(ALPHA))
    return sum(_differs(style, rng, alpha_alone=subject.endswith(ALPHA)) for _ in range(trials))


def recognised(style: Style | None, seed: int = 0) -> float:
    """Per cent of unseen redacted views whose identity the decoder tells; None for views that are not redacted.

    40 identities, so guessing gives 2.5; of 80 views to tell, one is 1.25.
    """
    rng = np.random.default_rng(seed)
    seen = np.array([[_seen(view, style) for view in _views(rng)] for _ in range(IDENTITIES)])
    return _rank_one(seen[:, :TRAINING], seen[:, TRAINING:])


def random_frame(rng: np.random.Generator, *, alpha: bool = False) -> Pixels:
    """Random pixels: grey, RGB or RGBA (with `alpha` always), from 1 by 1 to LONGEST by LONGEST.

    Small sides are as likely as large ones.
    """
    height, width = (int(side) for side in np.exp(rng.uniform(0, np.log(LONGEST + 1), 2)))
    shape = (height, width, 4) if alpha else ((height, width), (height, width, 3), (height, width, 4))[rng.integers(3)]
    return rng.integers(0, 256, shape, dtype=np.uint8)


def random_areas(rng: np.random.Generator, height: int, width: int) -> list[Region]:
    """Up to 12 areas: apart, neighbouring or overlapping, across edges, outside, specks, the whole frame.

    At least one of them covers a pixel.
    """
    while True:
        centre, scatter = rng.uniform(-0.2, 1.2, 2), rng.choice([0.0, 0.05, 0.3, 1.0])
        size = max(height, width) * 10 ** rng.uniform(-3, 0.6)
        places = centre + scatter * rng.uniform(-1, 1, (rng.integers(1, 13), 2))
        areas = [_random_area(rng, x * width, y * height, size) for x, y in places.tolist()]
        if regions.coverage(areas, height, width).any():
            return areas


def _random_area(rng: np.random.Generator, x: float, y: float, size: float) -> Region:
    """An area of about the given size around the point."""
    width, height = (size * 10 ** rng.uniform(-0.3, 0.3, 2)).tolist()
    return Region(x - width / 2, y - height / 2, width, height, 1.0, "centerface", SHAPES[rng.integers(len(SHAPES))])


def other_inside(
    rng: np.random.Generator, frame: Pixels, covered: regions.Coverage, *, alpha_alone: bool = False
) -> Pixels:
    """The frame with other, random samples wherever it is covered, in colours and alpha, or in alpha alone."""
    other = frame.copy()
    other[covered] = rng.integers(0, 256, other[covered].shape, dtype=np.uint8)
    if alpha_alone:
        other[..., :3] = frame[..., :3]
    return other


def _differs(style: Style, rng: np.random.Generator, *, alpha_alone: bool) -> bool:
    frame = random_frame(rng, alpha=alpha_alone)
    areas = random_areas(rng, *frame.shape[:2])
    changed = other_inside(rng, frame, regions.coverage(areas, *frame.shape[:2]), alpha_alone=alpha_alone)
    safety_frame = bool(rng.integers(2))
    result, other = (redact.redact(one, areas, style, safety_frame, EMBLEM) for one in (frame, changed))
    return result.tobytes() != other.tobytes()


def _zones_differ(rng: np.random.Generator) -> bool:
    frame = random_frame(rng)
    height, width = frame.shape[:2]
    given = [_zone(rng, area) for area in random_areas(rng, height, width)]
    given = [zone for zone in given if zones.coverage(zone, height, width).any()]
    covered = np.zeros((height, width), dtype=np.bool_)
    for zone in given:
        covered |= zones.coverage(zone, height, width)
    result, _ = zones.cover(frame, given)
    other, _ = zones.cover(other_inside(rng, frame, covered), given)
    return result.tobytes() != other.tobytes()


def _zone(rng: np.random.Generator, area: Region) -> Zone:
    """A zone of this area's place and size: rectangle, ellipse, or the triangle of three of its corners."""
    shape: ZoneShape = ("rectangle", "ellipse", "polygon")[rng.integers(3)]
    x, y, right, low = area.x, area.y, area.x + area.width, area.y + area.height
    corners = [(x, y), (right, y), (x, low)] if shape == "polygon" else [(x, y), (area.width, area.height)]
    return Zone(shape, tuple(((across, False), (down, False)) for across, down in corners))


def _views(rng: np.random.Generator) -> list[Pixels]:
    """Photos of one new identity: shifted, lit and noisy differently, each on a background of its own."""
    identity = _texture(rng)
    covered = regions.coverage([FACE], *SCENE)
    views = []
    for _ in range(VIEWS):
        face = np.roll(identity, rng.integers(-2, 3, 2), axis=(0, 1)) * rng.uniform(0.8, 1.2)
        face += 0.3 * _texture(rng) + rng.uniform(-0.3, 0.3)
        scene = np.where(covered, face, _texture(rng))
        views.append(np.clip(128 + 48 * scene, 0, 255).astype(np.uint8))
    return views


def _texture(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """1/f noise, the statistics of natural pictures: mean 0, standard deviation 1, shape SCENE."""
    height, width = SCENE
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequency[0, 0] = np.inf
    noise = np.fft.irfft2(np.fft.rfft2(rng.normal(size=SCENE)) / frequency, SCENE)
    texture: npt.NDArray[np.float64] = noise / noise.std()
    return texture


def _seen(view: Pixels, style: Style | None) -> npt.NDArray[np.float64]:
    """What the decoder is given of a view, shape (FEATURES²,)."""
    shown = view if style is None else redact.redact(view, [FACE], style, safety_frame=False, emblem=EMBLEM)
    covered = regions.spans(FACE, *SCENE)
    part = np.ascontiguousarray(shown[covered.rows, covered.columns])
    small = cv2.resize(part, (FEATURES, FEATURES), interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.float64).ravel()


def _rank_one(training: npt.NDArray[np.float64], unseen: npt.NDArray[np.float64]) -> float:
    """Linear discriminant analysis: per cent of the unseen that are nearest to their own identity's mean.

    Both have shape (identities, views, features). Nearest in the metric of the scatter within identities, which is
    drawn towards the identity matrix by a tenth, since there are hardly more views than features.
    """
    means = training.mean(axis=1)
    features = means.shape[1]
    within = (training - means[:, None]).reshape(-1, features)
    scatter = within.T @ within / len(within)
    ridge = 0.1 * np.trace(scatter) / features + 1e-6  # above zero also where a style leaves nothing to vary
    white = np.linalg.inv(np.linalg.cholesky(0.9 * scatter + ridge * np.eye(features))).T
    away = np.linalg.norm((unseen @ white)[:, :, None] - means @ white, axis=3)
    return 100 * float((away.argmin(axis=2) == np.arange(len(means))[:, None]).mean())


if __name__ == "__main__":
    for piece in report(int(sys.argv[1])):
        sys.stdout.write(json.dumps(piece) + "\n")
        sys.stdout.flush()
