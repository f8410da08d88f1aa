"""Mask files: what their values mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from converter.codecs import images as codec
from converter.codecs import png_chunks
from converter.codecs.lossy import black_and_white
from converter.errors import SourceError, some_of
from converter.geometry import labelmap, rle
from converter.ledger import Ledger
from converter.model import Image, LabelMap, Rgb, Rle

__all__ = [
    "binary_mask",
    "by_colors",
    "check_size",
    "gray_of",
    "labels_of",
    "recolored",
    "thinned",
]

WHITE_BLACK = bytes([255, 255, 255, 0, 0, 0])
SHOWN = 8  # colours that a message lists


def binary_mask(data: bytes, file: str, ledger: Ledger | None = None) -> Rle:
    """The mask in a file with one foreground value, in any mode. Raises SourceError when there are more.

    What a JPEG has changed along the edges is set right, with a note. A palette is read by index. One of white
    and black alone is read as gray is, with white as the object, and a note: programs that shrink PNGs put the
    commoner colour first.
    """
    crop = codec.read_crop(data, file)
    white_first = png_chunks.begins_palette(data, WHITE_BLACK)
    if white_first and ledger is not None:
        alone = white_first == len(WHITE_BLACK)
        said = "white is the object, as in gray" if alone else "a palette is read by index: the object is what is black"
        ledger.note("palette-mask", file, f"index 0 is white and 1 black, and {said}; save it as gray PNG")
    array: NDArray[Any] = crop.array
    if array.ndim == 3:
        array = _foreground(array, file)
    inside = array != 0
    if inside.any() and np.count_nonzero(inside) != np.count_nonzero(array == array.max()):
        raw = codec.read_labels(data, file)
        if (white := _cut(raw, file, ledger)) is not None:
            return rle.encode(white)
        values = np.unique(array[inside])
        shown = some_of(values.tolist(), 4)
        hint = (
            "JPEG noise? save masks as PNG"
            if raw.lossy
            else "is it a map of classes or of instances? name it with --from"
        )
        raise SourceError(
            file, f"several foreground values ({shown}) in a binary mask", remedy=hint, code="unexpected-value"
        )
    region = rle.encode_crop(inside, crop.x, crop.y, crop.height, crop.width)
    return rle.complement(region) if white_first == len(WHITE_BLACK) else region


def _cut(raw: codec.Labels, file: str, ledger: Ledger | None) -> NDArray[np.bool_] | None:
    """Where a mask in black and white was white before a lossy compression; None for any other mask."""
    if not raw.lossy:
        return None
    white = black_and_white(raw.array)
    if white is None:
        return None
    changed = int(((raw.array.reshape(*white.shape, -1)[..., 0] % 255) != 0).sum())
    if changed and ledger is not None:
        message = f"{changed} pixels along edges, which the compression had changed, were cut at 128"
        ledger.note("lossy-mask", file, message)
    return white


def check_size(file: str, width: int, height: int, image: Image) -> None:
    """SourceError unless a mask of this size is drawn on the stored pixels of `image`."""
    if (width, height) == (image.width, image.height):
        return
    problem, remedy = f"the mask is {width}x{height}, its image {image.width}x{image.height}", ""
    if (height, width) == (image.width, image.height) and image.orientation >= 5:
        problem += f", and {image.path} is shown turned by its EXIF orientation {image.orientation}"
        remedy = "turn the pixels of the image upright, or the mask back"
    remedy = remedy or "is it the mask of another image? else bring both to one size, masks by nearest neighbour"
    raise SourceError(file, problem, remedy=remedy, code="size-mismatch")


def _foreground(array: NDArray[Any], file: str) -> NDArray[np.bool_]:
    """Foreground of a colour mask: the one colour that is not black, or what alpha lets through."""
    channels = array.shape[2]
    if channels in {2, 4}:
        alpha = array[..., -1]
        if alpha.min() != alpha.max():
            return np.asarray(alpha > 0)
    color = array[..., :3] if channels >= 3 else array[..., :1]
    lit = color.any(axis=2)
    if lit.any():
        colors = np.unique(color[lit], axis=0)
        if len(colors) > 1:
            shown = " and ".join(f"({_shown(c)})" for c in colors[:2])
            raise SourceError(
                file,
                f"several foreground colours, {shown}, in a binary mask",
                remedy="is it a map of classes? name it with --from",
                code="unexpected-value",
            )
    return np.asarray(lit)


def labels_of(
    raw: codec.Labels, file: str, colors: Mapping[Rgb, int], ledger: Ledger | None = None, *, grays: bool = False
) -> LabelMap:
    """Class ids (height, width) of a label file: gray and palette by value, colour by legend; gray too if `grays`.

    A JPEG in black and white is 0 and 255, with a note. Raises SourceError for colours without a legend or outside it.
    """
    array: NDArray[Any] = raw.array
    if grays and array.ndim == 2:
        return by_colors(np.stack([array] * 3, axis=2), file, colors)
    if not colors and (white := _cut(raw, file, ledger)) is not None:
        return white * np.uint8(255)
    if array.ndim == 2:
        return array if array.dtype == np.uint16 else array.astype(np.uint8, copy=False)
    if array.dtype != np.uint8:
        raise SourceError(
            file, "colours of 16 bits are no label map", remedy="save the ids as gray PNG", code="palette-mask"
        )
    rgb = array[..., :3]
    if colors and array.shape[2] >= 3:
        return by_colors(rgb, file, colors)
    if (gray := gray_of(array)) is not None:
        return gray
    raise SourceError(
        file,
        f"pixels are colours ({_colors_in(rgb)}), and nothing says which class each is",
        remedy="give the legend with --colors FILE",
        code="palette-mask",
    )


def recolored(
    masks: Iterable[tuple[str, Iterable[tuple[int, Rgb]]]], legend: Mapping[Rgb, int]
) -> tuple[str, str] | None:
    """The first of `masks`, files with the colours that palettes give to values, whose colours say something else.

    What such a mask was saved with may have numbered the colours of each file anew.
    """
    first: dict[int, tuple[Rgb, str]] = {}
    for file, colors in masks:
        for value, rgb in colors:
            known, elsewhere = first.setdefault(value, (rgb, file))
            problem = f"in {elsewhere} it is {_shown(known)}" if known != rgb else ""
            if legend.get(rgb, -1) not in {-1, value}:
                problem = f"the legend gives that to class {legend[rgb]}"
            if problem:
                said = f"value {value} is coloured {_shown(rgb)}, and {problem}"
                return file, f"{said}; masks with a palette are read by value, never by colour"
    return None


def _shown(rgb: Sequence[int]) -> str:
    return ",".join(map(str, rgb))


def gray_of(array: NDArray[Any]) -> NDArray[Any] | None:
    """The one channel of a gray picture (height, width, channels) without its alpha; None of one in colours."""
    if array.shape[2] >= 3 and not (array[..., :1] == array[..., 1:3]).all():
        return None
    return np.ascontiguousarray(array[..., 0])


def _colors_in(rgb: NDArray[np.uint8]) -> str:
    """Colours of a picture, in words: of some of its pixels, as it is asked of every mask of a set."""
    found = np.unique(labelmap.numbered(thinned(rgb))).tolist()
    shown = [f"{code >> 16},{code >> 8 & 255},{code & 255}" for code in found[:SHOWN]]
    return "; ".join([*shown, *(["..."] if len(found) > SHOWN else [])])


def thinned(array: NDArray[Any]) -> NDArray[Any]:
    """About 65,000 pixels of a picture, from all over it."""
    step = max(1, int((array.shape[0] * array.shape[1]) ** 0.5) // 256)
    return array[::step, ::step]


def by_colors(
    rgb: NDArray[np.uint8], file: str, colors: Mapping[Rgb, int], where: str = "the legend", remedy: str = ""
) -> LabelMap:
    """Class ids for colours (height, width, 3); black that the legend does not name is 0.

    `where`: what messages call the legend; `remedy`: what to do about a colour that is not in it, else to add it.

    SourceError for colours that the legend gives to no class, or (-1) to two.
    """
    codes = labelmap.numbered(rgb)
    legend = {(r << 16) | (g << 8) | b: id for (r, g, b), id in colors.items()}
    legend.setdefault(0, 0)
    values, lengths = labelmap.stretches(codes)
    found, inverse = np.unique(values, return_inverse=True)
    strange = [c for c in found.tolist() if c not in legend]
    if strange:
        code = strange[0]
        y, x = np.argwhere(codes == code)[0]
        raise SourceError(
            file,
            f"the colour {code >> 16},{code >> 8 & 255},{code & 255} is not in {where}",
            place=f"pixel x={x}, y={y}",
            remedy=remedy or f"add it to {where}",
            code="unexpected-value",
        )
    ids = [legend[c] for c in found.tolist()]
    if min(ids) < 0:
        code = found.tolist()[ids.index(-1)]
        said = f"the colour {code >> 16},{code >> 8 & 255},{code & 255} is that of two classes in {where}"
        raise SourceError(file, said, remedy="give each class a colour of its own", code="unexpected-value")
    kind = np.uint8 if max(ids) <= 255 else np.uint16
    mapped: LabelMap = np.asarray(ids, dtype=kind)[inverse].repeat(lengths).reshape(codes.shape)
    return mapped
