"""Zones of a photo as the configuration writes them: `rectangle: [0, 90%, 100%, 10%]`, in pixels or per cent."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from facewarden.values import Length, Zone, ZoneShape

_PER_CENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")


def _length(value: Any) -> Any:
    """`120` is pixels, `12.5%` a share of the photo's side."""
    if isinstance(value, str) and (match := _PER_CENT.fullmatch(value.strip())):
        if float(match[1]) > 100:
            raise ValueError("lies outside the photo: per cent go from 0 to 100")
        return float(match[1]), True
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if not 0 <= value <= 65535:
            raise ValueError("lies outside every photo: pixels go from 0 to 65535")
        return float(value), False
    raise ValueError("write a number of pixels, or per cent as in 12.5%")


Measure = Annotated[Length, BeforeValidator(_length)]


class ZoneSetting(BaseModel):
    """One zone: exactly one of rectangle, ellipse (x, y, width, height) and polygon (three or more corners)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rectangle: tuple[Measure, Measure, Measure, Measure] | None = None
    ellipse: tuple[Measure, Measure, Measure, Measure] | None = None
    polygon: Annotated[tuple[tuple[Measure, Measure], ...], Field(min_length=3, max_length=100)] | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> ZoneSetting:
        given = [part for part in (self.rectangle, self.ellipse, self.polygon) if part is not None]
        if len(given) != 1:
            raise ValueError("write one of rectangle, ellipse or polygon")
        for start, size in (
            sides for part in (self.rectangle, self.ellipse) if part for sides in (part[::2], part[1::2])
        ):
            if size[0] == 0:
                raise ValueError("its width and height must be above 0")
            if start[1] and size[1] and start[0] + size[0] > 100:
                raise ValueError("reaches outside the photo: position plus size is more than 100 %")
        return self

    def zone(self) -> Zone:
        """The same for a recipe."""
        if self.polygon:
            return Zone("polygon", self.polygon)
        shape: ZoneShape = "rectangle" if self.rectangle else "ellipse"
        box = self.rectangle or self.ellipse
        assert box
        x, y, width, height = box
        return Zone(shape, ((x, y), (width, height)))
