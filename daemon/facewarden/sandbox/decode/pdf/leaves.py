"""Whether a page of a PDF is whole.

PDFium draws what it can and says nothing of the rest, which stays white or shifted. So each page is gone through with
qpdf first: its drawing is parsed, each name in it must stand for something, and each stream that the page can reach
must be whole (`streams`). Objects are remembered, so that what pages share is looked at once.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from typing import Any

import pikepdf

from facewarden.sandbox.decode.pdf import streams

logging.getLogger("pikepdf").setLevel(logging.CRITICAL)  # its words are taken from the file

_OPERATORS = frozenset(
    "b B b* B* BDC BI BMC BT BX c cm CS cs d d0 d1 Do DP EI EMC ET EX f F f* G g gs h i ID j J K k l m M MP n q Q re RG rg "  # noqa: SIM905 - not 74 lines
    "ri s S SC sc SCN scn sh T* Tc Td TD Tf Tj TJ TL Tm Tr Ts Tw Tz v w W W* y ' \"".split()
) | {"INLINE IMAGE"}
"""Everything that may be said in a drawing (ISO 32000-1, annex A), and qpdf's name for an image in the midst of one."""
_RESOURCES = {
    "Do": "/XObject",
    "Tf": "/Font",
    "gs": "/ExtGState",
    "sh": "/Shading",
    "cs": "/ColorSpace",
    "CS": "/ColorSpace",
}
"""What an operator's first operand names."""
_OWN_COLOURS = ("/DeviceGray", "/DeviceRGB", "/DeviceCMYK", "/Pattern", "/G", "/RGB", "/CMYK")
_ELSEWHERE = frozenset(
    {
        "/Parent",
        "/P",
        "/Popup",
        "/IRT",
        "/Dest",
        "/A",
        "/AA",
        "/Metadata",
        "/PieceInfo",
        "/StructParent",
        "/Thumb",
        "/B",
        "/OC",
    }
)
"""Keys that lead to other pages, or to what is not drawn."""
_MOST = 100_000
"""Objects that a page may reach; no honest one reaches as many."""


class Leaves:
    """The pages of an opened document, by their number from 0."""

    def __init__(self, data: bytes) -> None:
        """Raises pikepdf.PdfError where not even qpdf finds pages."""
        self._document = pikepdf.open(io.BytesIO(data))
        self._known: dict[tuple[int, int], bool] = {}

    def __len__(self) -> int:
        return len(self._document.pages)

    def whole(self, number: int) -> bool:
        """Whether everything that this page is drawn with is there, and as it was written.

        Where pages share their resources, the first that leads to what is damaged is not whole, whichever shows it.
        """
        self._document.get_warnings()  # also forgets them: what is odd about the file as a whole is no page's fault
        page = self._document.pages[number].obj
        try:
            return self._draws(page, page.get("/Resources"), page) and self._reaches(page) and not self._complained()
        except (pikepdf.PdfError, ValueError, TypeError, KeyError, AttributeError, RuntimeError):
            return False

    def _complained(self) -> bool:
        """Whether qpdf found the end of a drawing in the midst of a word."""
        return any("content" in str(each) for each in self._document.get_warnings())

    def _reaches(self, page: Any) -> bool:
        """Go through all objects that the page leads to: streams must be whole, forms and patterns be drawings."""
        waiting: list[Any] = [page]
        for _ in range(_MOST):
            if not waiting:
                return True
            each = waiting.pop()
            if each.is_indirect:
                if each.objgen in self._known:
                    continue
                self._known[each.objgen] = True
            if isinstance(each, pikepdf.Stream) and not self._holds(each, page):
                return False
            waiting += _within(each)
        return False

    def _holds(self, stream: Any, page: Any) -> bool:
        if not streams.whole(stream):
            return False
        is_drawing = stream.get("/Subtype") == "/Form" or stream.get("/PatternType") == 1
        return not is_drawing or self._draws(stream, stream.get("/Resources"), page)

    def _draws(self, drawing: Any, resources: Any, page: Any) -> bool:
        """Whether each word of a drawing is known, and each name in it.

        What stands between BX and EX may be anything.
        """
        if drawing is page and not _has_contents(page):
            return "/Contents" not in page
        tolerated = 0
        for instruction in pikepdf.parse_content_stream(drawing):
            word = str(instruction.operator)
            tolerated += (word == "BX") - (word == "EX")
            if tolerated > 0:
                continue
            if word not in _OPERATORS:
                return False
            kind = _RESOURCES.get(word)
            if kind and not _is_known(kind, instruction.operands, resources, page.get("/Resources")):
                return False
        return True


def _has_contents(page: Any) -> bool:
    contents = page.get("/Contents")
    if isinstance(contents, pikepdf.Array):
        return all(isinstance(part, pikepdf.Stream) for part in contents)
    return isinstance(contents, pikepdf.Stream)


def _is_known(kind: str, operands: Any, *places: Any) -> bool:
    """Whether the resource is there: in the drawing's own, or in the page's, where older writers put those of forms."""
    name = str(operands[0])
    if kind == "/ColorSpace" and name in _OWN_COLOURS:
        return True
    return any(place is not None and place.get(kind, {}).get(name) is not None for place in places)


def _within(each: Any) -> Iterator[Any]:
    """The objects that one leads to."""
    if isinstance(each, pikepdf.Array):
        inner = list(each)
    elif isinstance(each, pikepdf.Dictionary | pikepdf.Stream):
        inner = [value for key, value in each.items() if key not in _ELSEWHERE]
    else:
        return
    yield from (value for value in inner if isinstance(value, pikepdf.Array | pikepdf.Dictionary | pikepdf.Stream))
