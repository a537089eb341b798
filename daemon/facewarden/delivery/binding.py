"""Binding: a result in the making while its frames arrive. Pages are encoded as they come, and their pixels let go."""

from __future__ import annotations

import dataclasses

from facewarden.config.models import LimitsSection
from facewarden.config.profile import Output
from facewarden.delivery.containers import document_format
from facewarden.delivery.encode import FAILURES, book, ordered, page, without
from facewarden.delivery.encoder import encode_in_time
from facewarden.errors import NOT_ENCODED, FileRefused
from facewarden.replies import Reply
from facewarden.values import DOCUMENTS, Frame, Picture

_LARGEST = 1 << 30
"""Bytes that a document may have. A worker that was broken into could send noise without end."""
_SMALL, _SMALLEST, _FEW = 512, 256, 16
"""Longest sides of the pages that are kept to be shown on a contact sheet: of the first few, and of all others."""


class Binding:
    """Takes the frames of one answer, see `replies.Receiver`, and gives the result.

    The first page waits for the second, because a document of one page may become a photo.
    """

    def __init__(self, output: Output, *, shown: bool = False, seconds: float = LimitsSection().seconds) -> None:
        """`shown` where a contact sheet will be made of the reply, for which small pages are kept.

        `seconds` is what a photo or an animation may take to encode; pages take little each.
        """
        self._output, self._shown, self._seconds = output, shown, seconds

    def begin(self, picture: Picture) -> None:
        """Start anew: another attempt may follow one that ended in the middle."""
        self._original = picture.format
        self._picture = without(picture, self._output.keep)
        self._first: tuple[Frame, int] | None = None
        self._pages = 0
        if picture.format in DOCUMENTS:
            self._container = document_format(picture.format, self._output.format)
            self._book = book(self._container, self._picture, self._output.jpeg_quality)

    def take(self, frame: Frame, hidden: int) -> Frame:
        """Encode a page and return a small copy, or none of it; any other frame is left as it is.

        Raises FileRefused.
        """
        if self._original not in DOCUMENTS:
            return frame
        self._pages += 1
        if self._pages == 1:
            self._first = frame, hidden
        else:
            if self._first:
                self._add(*self._first)
                self._first = None
            self._add(frame, hidden)
        return self._small(frame)

    def result(self, reply: Reply) -> tuple[str, bytes]:
        """Container and bytes of the result. Raises FileRefused(NOT_ENCODED), FileRefused(DEADLINE)."""
        picture = reply.picture
        if self._first:
            picture = dataclasses.replace(picture, frames=(self._first[0],))
        elif self._original in DOCUMENTS:
            return self._container, self._book.finished()
        order = ordered(picture, self._output, untouched=not reply.region_count)
        return order.container, encode_in_time(order, self._seconds)

    def _add(self, frame: Frame, hidden: int) -> None:
        dpi = frame.dpi if self._output.keep.dpi or self._original == "PDF" else None
        lossless = not hidden and self._output.untouched == "lossless"
        try:
            kept = page(dataclasses.replace(frame, dpi=dpi), self._picture, self._container)
            size = self._book.add(kept, lossless=lossless)
        except FAILURES as error:
            raise FileRefused(NOT_ENCODED) from error
        if size > _LARGEST:
            raise FileRefused(NOT_ENCODED)

    def _small(self, frame: Frame) -> Frame:
        side = _SMALL if self._pages <= _FEW else _SMALLEST
        step = max(-(-max(frame.pixels.shape[:2]) // side), 1)
        few = frame.pixels[::step, ::step] if self._shown else frame.pixels[:0, :0]
        return dataclasses.replace(frame, pixels=few.copy())
