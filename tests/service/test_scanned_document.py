"""A scanner's document from end to end, through the pool's locked workers: faces hidden, sizes kept, a page in memory."""

from __future__ import annotations

import contextlib
import io
import itertools
import re
import shutil
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pypdfium2
import pytest
from PIL import Image
from tests.daemon import Daemon

from facewarden import config, regions
from facewarden.checks.evaluation import HIDDEN_SHARE, Labelled, read_labels
from facewarden.config.profile import Output
from facewarden.delivery.binding import Binding
from facewarden.errors import FileRefused
from facewarden.pool import LocalPool, Pool
from facewarden.replies import Reply
from facewarden.values import Limits, Pixels, Recipe

QUICK = Recipe({"blazeface": 0.5}, smallest_face=100)
SECONDS = 300.0
PAGES = 20


def bound_by_img2pdf(photos: list[Path], target: Path, *options: str) -> bytes:
    """A document of these photos by a program that is not ours; skips the test where it is missing."""
    if not shutil.which("img2pdf"):
        pytest.skip("img2pdf is not installed")
    subprocess.run(["img2pdf", *options, "--output", target, *photos], check=True)
    return target.read_bytes()


def sizes_of(data: bytes) -> list[tuple[float, float]]:
    with pypdfium2.PdfDocument(data) as document:
        return [document.get_page_size(number) for number in range(len(document))]


def hidden(reply: Reply, number: int, labelled: Labelled) -> list[bool]:
    """Which labelled faces are hidden in one frame."""
    width, height = reply.sizes[number]
    covered = regions.coverage(reply.regions[number], height, width)
    found = []
    for x, y, w, h in labelled.faces:
        part = covered[max(round(y), 0) : max(round(y + h), 0), max(round(x), 0) : max(round(x + w), 0)]
        found.append(bool(part.mean() >= HIDDEN_SHARE) if part.size else True)
    return found


def redacted_alone(eval_set: Path, pool: Pool, recipe: Recipe) -> Iterator[tuple[Path, Labelled, Reply]]:
    """Group photos that can be redacted, each with its answer."""
    for path, entry in read_labels([eval_set / "groups" / "labels.json"]):
        if path.suffix == ".jpg":
            with contextlib.suppress(FileRefused):  # FACE_REMAINS: as a page it would cost the whole document
                yield path, entry, pool.treat(path.read_bytes(), recipe, SECONDS, owner="test")


@pytest.mark.timeout(600)
def test_all_faces_are_hidden_as_in_single_photos(
    eval_set: Path, pool: Pool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Twenty group photos bound as pages: what is hidden in a photo is hidden on its page, and pages keep their size."""
    recipe = config.recipe_of(config.Profile(), Limits())
    alone = list(itertools.islice(redacted_alone(eval_set, pool, recipe), PAGES))
    original = bound_by_img2pdf([path for path, *_ in alone], tmp_path / "scan.pdf")
    binding = Binding(Output())
    reply = pool.treat(original, recipe, SECONDS, owner="test", receiver=binding)
    container, result = binding.result(reply)
    assert container == "PDF"
    assert np.abs(np.array(sizes_of(result)) - sizes_of(original)).max() < 0.01
    single, paged = [], []
    for number, (_, entry, one) in enumerate(alone):
        assert one.sizes[0] == reply.sizes[number]
        single += hidden(one, 0, entry)
        paged += hidden(reply, number, entry)
    with capsys.disabled():
        sys.stdout.write(f"{len(single)} faces: {sum(single)} hidden in photos, {sum(paged)} on pages\n")
    lost = sum(before and not after for before, after in zip(single, paged, strict=True))
    assert lost <= len(single) // 100


def document(astronaut: Pixels, pages: int) -> tuple[bytes, int]:
    """A scan of A4 pages at 150 dpi, each its own, and how many bytes one of them has in pixels."""
    size = (1240, 1754)
    photo = Image.fromarray(astronaut).resize(size)
    images = [photo.rotate(number) for number in range(pages)]
    target = io.BytesIO()
    images[0].save(target, "PDF", save_all=True, append_images=images[1:], resolution=150, quality=60)
    return target.getvalue(), size[0] * size[1] * 3


def most_memory(pid: int) -> int:
    """The largest resident size a process ever had, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    (kilobytes,) = re.findall(r"VmHWM:\s+(\d+) kB", status)
    return int(kilobytes) * 1024


@pytest.mark.timeout(300)
@pytest.mark.parametrize("container", ["PDF", "TIFF"])
def test_memory_is_bounded_by_a_page(astronaut: Pixels, container: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Twenty pages take no more memory than two, in the worker and on the trusted side, but for the file itself."""
    fresh = LocalPool(1)
    fresh.start()
    try:
        few, page = document(astronaut, 2)
        many, _ = document(astronaut, PAGES)
        if container == "TIFF":
            few, many = as_tiff(few), as_tiff(many)
        (worker,) = fresh.pids()
        fresh.treat(few, QUICK, SECONDS, owner="test", receiver=Binding(Output()))
        before = most_memory(worker)
        tracemalloc.start()
        try:
            binding = Binding(Output())
            reply = fresh.treat(many, QUICK, SECONDS, owner="test", receiver=binding)
            _, result = binding.result(reply)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        grown = most_memory(worker) - before
    finally:
        fresh.stop()
    assert len(reply.sizes) == PAGES
    with capsys.disabled():
        told = f"{container}: page {page >> 10} kB, file {len(many) >> 10} kB, result {len(result) >> 10} kB"
        sys.stdout.write(f"{told}; worker {grown >> 10} kB more, trusted side {peak >> 10} kB at most\n")
    assert grown < page + 2 * (len(many) - len(few))  # the file in the request, and the decoder's copy
    assert peak < 4 * page + 3 * len(result)


def as_tiff(data: bytes) -> bytes:
    """The same pages as a TIFF with JPEG inside."""
    with pypdfium2.PdfDocument(data) as pdf:
        images = [page.render(scale=150 / 72, rev_byteorder=True).to_pil() for page in pdf]
    target = io.BytesIO()
    images[0].save(target, "TIFF", save_all=True, append_images=images[1:], compression="jpeg", quality=60)
    return target.getvalue()


def test_a_document_has_one_result_and_one_contact_sheet(daemon: Daemon, astronaut: Pixels) -> None:
    """The service delivers a PDF under its name, and the sheet shows each page with what was hidden on it."""
    inbox = {"name": "photos", "path": "inbox", "outbox": "outbox", "preview": "preview"}
    daemon.configure({"inboxes": [inbox]})
    target = io.BytesIO()
    pages = [Image.fromarray(astronaut), Image.new("RGB", (512, 300), "white"), Image.fromarray(astronaut).convert("L")]
    pages[0].save(target, "PDF", save_all=True, append_images=pages[1:], resolution=72)
    daemon.drop("Scan 7.PDF", target.getvalue())
    assert daemon.once() == 0
    (result,) = daemon.results()
    assert result.name == "Scan 7.PDF"
    assert sizes_of(result.read_bytes()) == [(512, 512), (512, 300), (512, 512)]
    (job,) = [entry for entry in daemon.told("job") if entry["outcome"] == "published"]
    assert job["frames"] == 3
    (sheet,) = (daemon.folder / "preview").iterdir()
    shown = np.asarray(Image.open(sheet).convert("RGB")).astype(int)
    assert shown.shape == (1024, 1024, 3)
    green = (shown[..., 1] > 180) & (shown[..., 0] < 100) & (shown[..., 2] < 100)
    assert green[:512, :512].sum() > 50  # the first page's face is framed
    assert not green[:512, 512:].any()  # nothing on the white page
    assert green[512:, :512].sum() > 50
