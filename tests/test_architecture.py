"""The house's rules, read from the imports themselves: downward only, the sandbox apart, no picture opened outside it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import facewarden
from facewarden import logs

ROOT = Path(facewarden.__file__).parent

FLOORS: list[set[str]] = [
    {"facewarden", "errors", "values", "protocol", "files"},
    {"regions", "key", "replies", "logs", "config"},
    {"outcomes", "journal", "pool"},
    {"intake", "delivery"},
    {"decide", "observe", "checks", "treat"},
    {"audit"},
    {"service"},
    {"cli", "__main__"},
]
"""Lowest first. A module imports from lower floors and from its own room, and from nowhere else."""

GROUND = {"facewarden", "errors", "values", "protocol", "regions"}
"""What both sides of the border stand on."""

SANDBOX = "sandbox"
HARMLESS = re.compile(r"[a-z_]{1,64}")


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Each module of the package by its dotted name below `facewarden`, parsed."""
    for file in sorted(ROOT.rglob("*.py")):
        parts = file.relative_to(ROOT).with_suffix("").parts
        yield ".".join(part for part in parts if part != "__init__") or "facewarden", ast.parse(file.read_bytes())


def imported(tree: ast.Module) -> Iterator[str]:
    """Every module that is imported anywhere in a module, inside functions too; names of a package as its modules."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written out in full"
            assert node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def ours(tree: ast.Module) -> Iterator[str]:
    """What of our own is imported, below `facewarden`."""
    for name in imported(tree):
        top, _, below = name.partition(".")
        if top == "facewarden":
            yield below if below and not below.startswith("__") else "facewarden"


def room(name: str) -> str:
    return name.partition(".")[0]


MODULES = dict(modules())


@pytest.mark.parametrize("name", [name for name in MODULES if room(name) != SANDBOX])
def test_imports_point_downward(name: str) -> None:
    """Cli → service → audit → decide, observe, checks, treat → intake, delivery → tools → ground: nothing imports from beside or above."""
    floor = {inner: number for number, names in enumerate(FLOORS) for inner in names}
    assert room(name) in floor, "a new room: give it its floor above, and a line in docs/architecture.md"
    for target in ours(MODULES[name]):
        assert room(target) != SANDBOX, f"{name} imports {target}: the sandbox is started as a process and not imported"
        below = floor[room(target)] < floor[room(name)]
        assert below or room(target) == room(name) or name == "__main__", f"{name} imports {target}"


def test_each_room_and_module_at_the_top_has_its_line() -> None:
    """The page of architecture names all that lies at the top of the package, and nothing else; and no room is without a word of its own."""
    there = {name for name in MODULES if "." not in name} | {room(name) for name in MODULES}
    page = (ROOT.parents[1] / "docs/architecture.md").read_text(encoding="utf-8")
    named = {
        name.partition("/")[0].removesuffix(".py")
        for name in re.findall(r"^\| `([a-z_/]+(?:\.py)?)` \|", page, re.MULTILINE)
    }
    assert named == there - {"facewarden"}
    for name in there:
        assert ast.get_docstring(MODULES[name]) or name == "__main__", f"{name} says nothing of itself"


@pytest.mark.parametrize("name", [name for name in MODULES if room(name) == SANDBOX])
def test_the_sandbox_stands_on_the_ground_alone(name: str) -> None:
    """Code that touches unknown bytes reaches nothing of the trusted side but frozen values and reasons."""
    for target in ours(MODULES[name]):
        assert room(target) in GROUND | {SANDBOX}, f"{name} imports {target}"


def test_no_import_goes_in_a_circle() -> None:
    """There is an order in which the modules can be read, each after those it imports."""
    graph = {name: {_module(target) for target in ours(tree)} - {name, "facewarden"} for name, tree in MODULES.items()}
    assert set(TopologicalSorter(graph).static_order()) >= set(MODULES) - {"facewarden"}


def _module(target: str) -> str:
    """The module that a dotted name is, or is in."""
    while target not in MODULES:
        target = target.rpartition(".")[0] or "facewarden"
    return target


@pytest.mark.parametrize("name", sorted(MODULES))
def test_modules_and_functions_are_of_a_size_to_be_read(name: str) -> None:
    """At most 220 lines a module and 50 a function: what grows beyond has two topics."""
    tree = MODULES[name]
    assert max((getattr(node, "end_lineno", 0) or 0 for node in ast.walk(tree)), default=0) <= 220
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 50, node.name


@pytest.mark.parametrize("name", [name for name in MODULES if room(name) not in {"pool", SANDBOX}])
def test_a_pool_is_known_by_its_contract(name: str) -> None:
    """What is inside the pool stays there, and only those that make one know of which kind it is."""
    makers = {"service.opening", "cli.terminal", "checks.start"}
    known = {"pool.Pool", "pool.PoolStopped"} | ({"pool.LocalPool", "pool.default_size"} if name in makers else set())
    assert {target for target in ours(MODULES[name]) if room(target) == "pool"} <= known


DANGEROUS = {
    "cv2",
    "mediapipe",
    "onnxruntime",
    "pi_heif",
    "pypdfium2",
    "pypdfium2_raw",
    "skimage",
    "imageio",
    "tifffile",
}
PILLOW = {
    "delivery.book": {"PIL.Image", "PIL.TiffImagePlugin.AppendingTiffWriter"},
    "delivery.encode": {"PIL.Image"},
    "delivery.pdf": {
        "PIL.Image",
        *(f"PIL.PdfParser.{name}" for name in ("IndirectReference", "PdfDict", "PdfName", "PdfParser")),
    },
    "delivery.preview": {"PIL.Image", "PIL.ImageDraw", "PIL.ImageFont"},
}
NETWORK = {"socket", "ssl", "http", "urllib", "ftplib", "smtplib", "socketserver", "xmlrpc", "asyncio", "requests"}


@pytest.mark.parametrize("name", [name for name in MODULES if room(name) != SANDBOX])
def test_the_trusted_side_opens_no_picture(name: str) -> None:
    """No library that decodes is imported outside the sandbox; Pillow is, by a few modules, and only to draw and write."""
    tops = {target.partition(".")[0] for target in imported(MODULES[name])}
    assert not tops & DANGEROUS
    pillow = {target for target in imported(MODULES[name]) if target.startswith("PIL")}
    assert pillow <= PILLOW.get(name, set())
    for node in ast.walk(MODULES[name]):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Image":
            assert node.attr in ("fromarray", "new", "Image", "Exif"), f"{name}:{node.lineno} calls Image.{node.attr}"


@pytest.mark.parametrize("name", [name for name in MODULES if not name.startswith("sandbox.escapes")])
def test_nothing_speaks_to_a_network(name: str) -> None:
    """No module imports anything that opens a connection, but for the unix socket of systemd; break-out attempts apart."""
    used = {target.partition(".")[0] for target in imported(MODULES[name])} & NETWORK
    assert used <= ({"socket"} if name == "observe.systemd" else set())
    for node in ast.walk(MODULES[name]) if used else ():
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "socket":
            assert node.attr in ("socket", "AF_UNIX", "SOCK_DGRAM"), f"{name}:{node.lineno} uses socket.{node.attr}"


@pytest.mark.parametrize("name", ["facewarden.service.loop", "facewarden.cli"])
def test_the_service_loads_no_decoder(name: str) -> None:
    """In a fresh process that imports the service neither OpenCV nor MediaPipe nor any of the sandbox is loaded."""
    script = f"import sys, {name}; print(*sorted(sys.modules))"
    ended = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True)
    loaded = ended.stdout.split()
    assert name in loaded
    assert not {module.partition(".")[0] for module in loaded} & DANGEROUS
    assert not [module for module in loaded if module.startswith("facewarden.sandbox")]
    assert ended.stderr == ""


def test_our_own_lines_are_made_of_constants() -> None:
    """Every line that our code logs has a literal event and literal keys, and each of them is allowed."""
    lines = 0
    for file in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _is_log_call(node.func):
                lines += 1
                event = node.args[0]
                # The heartbeat's events are the keys of a table beside it.
                assert isinstance(event, ast.Constant) or file.name == "heartbeat.py", f"{file.name}:{node.lineno}"
                assert not isinstance(event, ast.Constant) or HARMLESS.fullmatch(str(event.value)), file.name
                assert {key.arg for key in node.keywords if key.arg} <= set(logs.ALLOWED), f"{file.name}:{node.lineno}"
    assert lines > 10


def _is_log_call(called: ast.expr) -> bool:
    return (
        isinstance(called, ast.Attribute)
        and called.attr in ("debug", "info", "warning", "error", "critical", "exception")
        and isinstance(called.value, ast.Name)
        and called.value.id == "log"
    )
