"""Colour masks: one RGB PNG an image, a colour a class, and the legend; written only.

    images/[<split>/]<path>
    masks/[<split>/]<path without extension>.png     RGB, 8 bits
    labelmap.txt                                     name:r,g,b::                (CVAT)
    class_dict.csv                                   name,r,g,b                  (CamVid)
    classes.json                                     [{id, name, color}]

Every class has a colour of its own: the one the source gives it, where no other class has the
same, else the next free one of Pascal VOC's colours, which come from the bits of the id.
The background is black, or class 0 where every pixel has a class; what is to be ignored is (224, 224, 192).
They are called background and ignore, or _background_ and _ignore_ beside classes of these names.
In labelmap.txt, which cannot hold them, a colon and a # in front become `_` in names.

Coordinates: none; a pixel of a mask is the pixel of the image in its place.

Such a set is read as semantic-png, which takes the ids from classes.json. It is a format of its own in
writing because trainers that want colours cannot read ids, and the other way round.

Holds: one class a pixel. Cannot hold: overlaps, instances, boxes, attributes.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from converter.codecs import csvs, json, png_write
from converter.format import Encoded, Format, Holds, Record, Writing
from converter.layouts.legend import LEGEND, background_word, encode_legend, ignore_word, legend_names
from converter.layouts.palette import VOID, color_of
from converter.ledger import Skipped
from converter.model import IGNORE, Header, Rgb, Sample
from converter.package.tree import image_path, mask_stem
from converter.storage import Target

__all__ = ["FORMAT"]

BLACK: Rgb = (0, 0, 0)
IGNORED: Rgb = color_of(VOID)


def legend(header: Header) -> dict[int, tuple[str, Rgb]]:
    """Id -> name and colour, by ascending id, with background and ignored pixels where the set has them."""
    found: dict[int, tuple[str, Rgb]] = {}
    taken: set[Rgb] = set()
    names = [c.name for c in header.classes]
    if header.background_id is not None:
        found[header.background_id] = (background_word(names), BLACK)
        taken.add(BLACK)
    if header.ignore_id is not None:
        found[header.ignore_id] = (ignore_word(names), IGNORED)
        taken.add(IGNORED)
    # Black that a legend leaves out is background: where there is none, class 0 takes it.
    classes = [c if c.id else msgspec.structs.replace(c, color=BLACK) for c in header.classes]
    wanted = [c.color for c in classes]
    for c in classes:
        own = c.color if c.color is not None and c.color not in taken and wanted.count(c.color) == 1 else None
        rgb = own or _free(c.id, taken | {w for w in wanted if w is not None})
        found[c.id] = (c.name, rgb)
        taken.add(rgb)
    return dict(sorted(found.items()))


def _free(id: int, taken: set[Rgb]) -> Rgb:
    """The colour of `id`, or of the next number whose colour is free; black is the background's."""
    number = max(id, 1)
    while (rgb := color_of(number)) in taken or rgb == BLACK:
        number += 1
    return rgb


def encode(writing: Writing, sample: Sample) -> Encoded:
    """One RGB PNG."""
    if sample.labels is None:
        raise Skipped
    colors = _with_ignored(legend(writing.header))
    table = np.zeros(max(*colors, int(sample.labels.max(initial=0)), 1) + 1, "<u4")
    for id, (_, (red, green, blue)) in colors.items():
        table[id] = red | green << 8 | blue << 16
    quads = table[sample.labels].view(np.uint8).reshape(*sample.labels.shape, 4)  # looked up as one number each
    files = [(mask_stem(writing, sample.image) + ".png", png_write.encode_rgb(quads[..., :3]))]
    return Encoded(files, IGNORE in sample.labels)


def _with_ignored(colors: dict[int, tuple[str, Rgb]]) -> dict[int, tuple[str, Rgb]]:
    """The legend of masks with pixels that are to be ignored, of a set that does not declare them."""
    if IGNORE in colors:
        return colors
    taken = {rgb for _, rgb in colors.values()}
    rgb = IGNORED if IGNORED not in taken else _free(IGNORE, taken)
    return dict(sorted({**colors, IGNORE: (ignore_word([name for name, _ in colors.values()]), rgb)}.items()))


class Assembler:
    """Writes the legend, in the three ways that are asked for."""

    def __init__(self, writing: Writing, out: Target) -> None:
        self.writing, self.out = writing, out
        self.ignored = False

    def add(self, record: Record) -> None:
        """Whether pixels are to be ignored is all that is kept: masks are complete by themselves."""
        self.ignored |= record.value

    def finish(self) -> None:
        colors = legend(self.writing.header)
        colors = _with_ignored(colors) if self.ignored else colors
        entries: list[dict[str, Any]] = [{"id": i, "name": n, "color": list(rgb)} for i, (n, rgb) in colors.items()]
        self.out.write("classes.json", json.encode_pretty(entries))
        plain = legend_names([name for name, _ in colors.values()])
        self.out.write(LEGEND, encode_legend(zip(plain, (rgb for _, rgb in colors.values()), strict=True)))
        rows = [(name, *rgb) for name, rgb in colors.values()]
        self.out.write("class_dict.csv", csvs.encode(("name", "r", "g", "b"), rows))


FORMAT = Format(
    name="color-png",
    summary="RGB masks, a colour a class, with a legend; read as semantic-png",
    page=__doc__ or "",
    holds=Holds(task="semantic", overlaps=False, colors=True),
    encode=encode,
    assemble=Assembler,
    image_path=image_path,
    label_path=mask_stem,
)
