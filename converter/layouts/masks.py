"""Mask files: which image each belongs to, and what their values mean."""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from converter.codecs import images as codec
from converter.errors import SourceError
from converter.geometry import rle
from converter.layouts.images import is_image, shown_name, stem
from converter.model import Image, LabelMap, Rle
from converter.storage import Source

__all__ = [
    "MASK_WORDS",
    "binary_mask",
    "by_colors",
    "check_size",
    "instance_folders",
    "label_map",
    "pair_masks",
    "parse_pattern",
]

MASK_WORDS = frozenset(
    {"mask", "masks", "label", "labels", "annotation", "annotations", "annot", "annots", "gt", "groundtruth",
     "ground_truth", "segmentation", "segmentations", "seg", "segs", "target", "targets", "labelids", "gtfine"}
)  # fmt: skip
IMAGE_WORDS = (
    "images",
    "image",
    "imgs",
    "img",
    "jpegimages",
    "rgb",
    "photos",
    "input",
    "inputs",
    "leftimg8bit",
)
FOLDER_ENDING = re.compile(r"[-_]?(masks?|labels?|annots?|annotations?|gt|seg(mentation)?s?)$", re.IGNORECASE)
NAME_ENDING = re.compile(r"[-_ .](masks?|labels?|l|gt|seg(mentation)?|annot(ation)?|labelids)$", re.IGNORECASE)
MASK_EXTENSIONS = frozenset({".png", ".tif", ".tiff", ".bmp", ".gif", ".jpg", ".jpeg"})
Rgb = tuple[int, int, int]


# ---------------------------------------------------------------- which image a mask belongs to


def pair_masks(masks: Source, images: Source) -> tuple[list[tuple[str, str]], list[str]]:
    """Pairs (image path, mask path), and the masks for which no image was found.

    A mask is a file in a folder named for masks, or one whose name ends in `_mask` beside
    its image. Its image has the same path with the folder named for images, and the same
    name without the ending.
    """
    by_stem: dict[str, list[str]] = defaultdict(list)
    for path in images.listed():
        if is_image(path):
            by_stem[posixpath.basename(stem(path))].append(path)
    pairs: list[tuple[str, str]] = []
    orphans: list[str] = []
    for path in masks.listed():
        if posixpath.splitext(path)[1].lower() not in MASK_EXTENSIONS:
            continue
        in_folder = mask_folder(path) is not None
        suffixed = NAME_ENDING.search(posixpath.basename(stem(path))) is not None
        if not in_folder and not suffixed:
            continue
        image = _image_of(path, by_stem, images is not masks, in_folder=in_folder)
        if image is not None:
            pairs.append((image, path))
        elif in_folder or suffixed:
            orphans.append(path)
    taken = {mask for _, mask in pairs}
    pairs = [(image, mask) for image, mask in pairs if image not in taken or images is not masks]
    return sorted(pairs), orphans


def mask_folder(path: str) -> int | None:
    """The place in the path of the folder that is named for masks, the innermost one."""
    folders = posixpath.dirname(path).split("/")
    for i in range(len(folders) - 1, -1, -1):
        if folders[i].lower() in MASK_WORDS or FOLDER_ENDING.search(folders[i]):
            return i
    return None


def _image_of(path: str, by_stem: Mapping[str, Sequence[str]], apart: bool, *, in_folder: bool) -> str | None:
    base = posixpath.basename(stem(path))
    plain = NAME_ENDING.sub("", base)
    for name in dict.fromkeys((base, plain)):
        found = [p for p in by_stem.get(name, ()) if p != path or apart]
        found = [p for p in found if apart or mask_folder(p) is None or not in_folder]
        if not in_folder:
            found = [p for p in found if apart or (posixpath.dirname(p) == posixpath.dirname(path) and name != base)]
        if not found:
            continue
        best = [p for p in found if _same_place(path, p)] if in_folder else found
        best = best or (found if len(found) == 1 else [])
        if len(best) > 1:
            best = [p for p in best if posixpath.dirname(p) == posixpath.dirname(best[0])][:1]
        if best:
            return best[0]
    return None


def _same_place(mask: str, image: str) -> bool:
    """Whether two paths differ only in the folder named for masks or images."""
    return _place(mask, masks=True) == _place(image, masks=False)


def _place(path: str, *, masks: bool) -> tuple[str, ...]:
    folders = [f for f in posixpath.dirname(path).split("/") if f]
    if masks:
        kept = [f if f.lower() not in MASK_WORDS else "" for f in folders]
        kept = [FOLDER_ENDING.sub("", f) for f in kept]
    else:
        kept = [f if f.lower() not in IMAGE_WORDS else "" for f in folders]
        kept = [re.sub(r"[-_]?(images?|imgs?)$", "", f, flags=re.IGNORECASE) for f in kept]
    return tuple(f.lower() for f in kept if f)


def instance_folders(source: Source) -> dict[str, list[str]]:
    """Image path -> masks, for sets with one folder an image: <id>/images/x.png, <id>/masks/*.png."""
    images: dict[str, list[str]] = defaultdict(list)
    masks: dict[str, list[str]] = defaultdict(list)
    for path in source.names():
        parent, _, folder = posixpath.dirname(path).rpartition("/")
        if not parent or not is_image(path):
            continue
        if folder.lower() in {"images", "image"}:
            images[parent].append(path)
        elif folder.lower() in {"masks", "mask"}:
            masks[parent].append(path)
    alone = {parent: paths[0] for parent, paths in images.items() if len(paths) == 1}
    if not alone or not masks or len(alone) < len(images):
        return {}
    return {path: masks.get(parent, []) for parent, path in sorted(alone.items())}


PLACEHOLDERS = {"image": r"(?P<image>.+)", "instance": r"(?P<instance>[^/]+?)", "class": r"(?P<class>[^/]+?)",
                "split": r"(?P<split>[^/]+)"}  # fmt: skip


def parse_pattern(pattern: str) -> re.Pattern[str]:
    """A pattern such as `masks/{image}/{instance}_{class}.png` as a regular expression of whole paths."""
    parts = re.split(r"\{(\w+)\}", pattern)
    if len(parts) == 1 or "image" not in parts[1::2]:
        raise ValueError("it needs the placeholder {image}, as in masks/{image}/{instance}_{class}.png")
    unknown = [p for p in parts[1::2] if p not in PLACEHOLDERS]
    if unknown:
        raise ValueError(
            f"the placeholder {{{unknown[0]}}} is unknown; use {{image}}, {{instance}}, {{class}}, {{split}}"
        )
    repeated = [p for p in parts[1::2] if parts[1::2].count(p) > 1]
    if repeated:
        raise ValueError(f"the placeholder {{{repeated[0]}}} stands twice")
    text = "".join(PLACEHOLDERS[p] if i % 2 else re.escape(p).replace(r"\*", "[^/]*") for i, p in enumerate(parts))
    return re.compile(text)


# ---------------------------------------------------------------- what the values mean


def binary_mask(data: bytes, file: str) -> Rle:
    """The mask in a file with one foreground value, in any mode. Raises SourceError when there are more."""
    raw = codec.read_labels(data, file)
    array: NDArray[Any] = raw.array
    if array.ndim == 3:
        array = _foreground(array, file)
    inside = array != 0
    if inside.any() and np.count_nonzero(inside) != np.count_nonzero(array == array.max()):
        values = np.unique(array[inside])
        shown = ", ".join(map(str, values[:4])) + (", ..." if len(values) > 4 else "")
        hint = (
            "JPEG noise? save masks as PNG"
            if raw.lossy
            else "is it a map of classes or of instances? name it with --from"
        )
        raise SourceError(
            file, f"several foreground values ({shown}) in a binary mask", remedy=hint, code="unexpected-value"
        )
    return rle.encode(inside)


def check_size(file: str, width: int, height: int, image: Image) -> None:
    """SourceError unless a mask of this size is drawn on the stored pixels of `image`."""
    if (width, height) == (image.width, image.height):
        return
    problem, remedy = f"the mask is {width}x{height}, its image {image.width}x{image.height}", ""
    if (height, width) == (image.width, image.height) and image.orientation >= 5:
        problem += f", and {shown_name(image)} is shown turned by its EXIF orientation {image.orientation}"
        remedy = "turn the pixels of the image upright, or the mask back"
    raise SourceError(file, problem, remedy=remedy or "masks have the size of their image", code="size-mismatch")


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
            shown = " and ".join("(" + ",".join(map(str, c)) + ")" for c in colors[:2])
            raise SourceError(
                file,
                f"several foreground colours, {shown}, in a binary mask",
                remedy="is it a map of classes? name it with --from",
                code="unexpected-value",
            )
    return np.asarray(lit)


def label_map(data: bytes, file: str, colors: Mapping[Rgb, int]) -> LabelMap:
    """Class ids (height, width) of a label file: gray and palette by value, colour by legend.

    Raises SourceError for colours without a legend or outside it.
    """
    raw = codec.read_labels(data, file)
    array: NDArray[Any] = raw.array
    if array.ndim == 2:
        return array if array.dtype == np.uint16 else array.astype(np.uint8, copy=False)
    if array.dtype != np.uint8:
        raise SourceError(
            file, "colours of 16 bits are no label map", remedy="save the ids as gray PNG", code="palette-mask"
        )
    if array.shape[2] < 3:
        return np.ascontiguousarray(array[..., 0])
    rgb = array[..., :3]
    if colors:
        return by_colors(rgb, file, colors)
    if (rgb[..., 0] == rgb[..., 1]).all() and (rgb[..., 1] == rgb[..., 2]).all():
        return np.ascontiguousarray(rgb[..., 0])
    raise SourceError(
        file,
        "pixels are colours, and nothing says which class each is",
        remedy="give the legend with --colors FILE",
        code="palette-mask",
    )


def by_colors(rgb: NDArray[np.uint8], file: str, colors: Mapping[Rgb, int]) -> LabelMap:
    """Class ids for colours (height, width, 3); black that the legend does not name is 0."""
    codes = (rgb[..., 0].astype(np.uint32) << 16) | (rgb[..., 1].astype(np.uint32) << 8) | rgb[..., 2]
    legend = {(r << 16) | (g << 8) | b: id for (r, g, b), id in colors.items()}
    legend.setdefault(0, 0)
    found, inverse = np.unique(codes, return_inverse=True)
    strange = [c for c in found.tolist() if c not in legend]
    if strange:
        code = strange[0]
        y, x = np.argwhere(codes == code)[0]
        raise SourceError(
            file,
            f"the colour {code >> 16},{code >> 8 & 255},{code & 255} is not in the legend",
            place=f"pixel x={x}, y={y}",
            remedy="add it to the legend",
            code="unexpected-value",
        )
    ids = [legend[c] for c in found.tolist()]
    kind = np.uint8 if max(ids) <= 255 else np.uint16
    mapped: LabelMap = np.asarray(ids, dtype=kind)[inverse].reshape(codes.shape)
    return mapped
