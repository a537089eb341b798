"""What several tests share: real photos where they are at hand, a generated one everywhere, a service in a tmp folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import skimage.data
from tests import portraits
from tests.daemon import Daemon

from facewarden.pool import LocalPool
from facewarden.values import Pixels


@pytest.fixture(scope="session")
def eval_set() -> Path:
    """The folder of real photos beside the project; tests that need it are skipped where it is missing."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "eval"
    if not folder.is_dir():
        pytest.skip("the folder of real photos ../shared/eval is not at hand")
    return folder


@pytest.fixture(scope="session")
def trials() -> Path:
    """The folder of files that failed once, beside the project; tests that need it are skipped where it is missing."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "trials"
    if not folder.is_dir():
        pytest.skip("the folder of files that failed once ../shared/trials is not at hand")
    return folder


@pytest.fixture(scope="session")
def astronaut() -> Pixels:
    """scikit-image's public-domain portrait: RGB, 512 x 512, one face."""
    pixels: Pixels = skimage.data.astronaut()
    pixels.setflags(write=False)
    return pixels


@pytest.fixture(scope="session")
def portrait() -> Callable[[int], bytes]:
    """Different small JPEG photos of one face: the same number always gives the same bytes."""
    return portraits.portrait


@pytest.fixture(scope="module")
def pool() -> Iterator[LocalPool]:
    """One worker that waits for photos; ended with the file's last test."""
    it = LocalPool(1)
    it.start()
    yield it
    it.stop()


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A configuration in a tmp folder, and the real service process on it; ended whatever the test did."""
    it = Daemon(tmp_path)
    yield it
    it.kill()


def pytest_configure() -> None:
    """Hypothesis must not fail a test for its time: machines differ."""
    from hypothesis import HealthCheck, settings

    settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("here")
    os.environ.pop("FACEWARDEN_CONFIG", None)
