"""Where in their images masks lie: a coarse grid over all images, laid over each other."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from converter.errors import ShapeError
from converter.geometry import labelmap, rle, shapes
from converter.model import Box, Marks, Sample

__all__ = ["GRID", "Heat", "described", "heat_of", "heat_picture"]

GRID = 32
ENOUGH = 256  # samples along the longer side of a mask

Grid = NDArray[np.float32]

# Dark to bright in even steps of lightness, so that it reads in gray as well.
STOPS = ((18, 16, 44), (74, 24, 110), (153, 40, 116), (225, 78, 82), (251, 150, 60), (252, 240, 170))


def heat_of(sample: Sample) -> dict[int, Grid]:
    """By class id, the share of each cell (row, column) of the image that its masks cover; overlaps count twice."""
    found: dict[int, Grid] = {}
    width, height = sample.image.width, sample.image.height
    if not width or not height:
        return found
    if sample.labels is not None:
        return _of_labels(sample)
    cell = width * height / GRID**2
    for instance in sample.instances:
        if isinstance(instance.shape, Marks):
            continue
        try:
            counts = (
                _of_box(instance.shape, width, height)
                if isinstance(instance.shape, Box)
                else _of_mask(rle.decode_crop(shapes.mask_of(instance.shape, height, width)), width, height)
            )
        except ShapeError:  # named by the checks
            continue
        grid = found.setdefault(instance.class_id, np.zeros((GRID, GRID), np.float32))
        grid += counts / np.float32(cell)
    return found


def _of_mask(crop: tuple[NDArray[np.bool_], int, int], width: int, height: int) -> Grid:
    """Pixels in each cell, from every n-th row and column of a large mask."""
    mask, x, y = crop
    step = max(1, max(mask.shape) // ENOUGH)
    rows, columns = np.nonzero(mask[step // 2 :: step, step // 2 :: step] if step > 1 else mask)
    rows = (rows * step + step // 2 + y) * GRID // height
    columns = (columns * step + step // 2 + x) * GRID // width
    counts = np.bincount(rows * GRID + columns, minlength=GRID**2).reshape(GRID, GRID)
    scaled: Grid = (counts * step**2).astype(np.float32)
    return scaled


def _of_box(box: Box, width: int, height: int) -> Grid:
    across = _shares(box.x, box.x + box.w, width)
    down = _shares(box.y, box.y + box.h, height)
    return np.outer(down, across).astype(np.float32)


def _shares(first: float, last: float, extent: int) -> NDArray[np.float64]:
    """How many pixels of a stretch lie in each cell of an axis."""
    edges = np.arange(GRID + 1) * extent / GRID
    found: NDArray[np.float64] = np.clip(np.minimum(edges[1:], last) - np.maximum(edges[:-1], first), 0, None)
    return found


def _of_labels(sample: Sample) -> dict[int, Grid]:
    labels = sample.labels
    assert labels is not None
    side = GRID * 4
    rows = np.arange(side) * labels.shape[0] // side
    columns = np.arange(side) * labels.shape[1] // side
    small = labels[np.ix_(rows, columns)]
    return {
        int(v): (small == v).reshape(GRID, 4, GRID, 4).mean(axis=(1, 3), dtype=np.float32)
        for v in labelmap.values(small)[0]
    }


class Heat:
    """The sum over images: `add` what heat_of says of each."""

    def __init__(self) -> None:
        self.images = 0
        self.grids: dict[int, NDArray[np.float64]] = {}

    def add(self, grids: dict[int, Grid]) -> None:
        self.images += 1
        for id, grid in grids.items():
            self.grids.setdefault(id, np.zeros((GRID, GRID)))
            self.grids[id] += grid

    def of(self, ids: set[int]) -> NDArray[np.float64]:
        """The mean share of each cell that classes `ids` cover."""
        grids = [self.grids[id] for id in sorted(ids & self.grids.keys())]
        total: NDArray[np.float64] = sum(grids, np.zeros((GRID, GRID)))
        return total / max(1, self.images)


def heat_picture(grid: NDArray[np.float64]) -> bytes:
    """A PNG, one pixel a cell, dark where nothing lies."""
    most = float(grid.max())
    places = (grid / most if most else grid) * (len(STOPS) - 1)
    low = np.minimum(places.astype(np.intp), len(STOPS) - 2)
    stops = np.asarray(STOPS, np.float64)
    part = (places - low)[..., None]
    pixels = np.rint(stops[low] * (1 - part) + stops[low + 1] * part).astype(np.uint8)
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def described(grid: NDArray[np.float64]) -> str:
    """In words what the picture shows: where the most lies, and how the middle compares with the rim."""
    total = float(grid.sum())
    if not total:
        return "nothing is drawn"
    thirds = grid.reshape(GRID, GRID)
    cut = [0, GRID // 3, GRID - GRID // 3, GRID]
    shares = {
        (row, column): float(thirds[cut[row] : cut[row + 1], cut[column] : cut[column + 1]].mean())
        for row in range(3)
        for column in range(3)
    }
    (row, column), most = max(shares.items(), key=lambda item: item[1])
    least = min(shares.values())
    if most < 1.5 * least:
        return f"masks lie evenly over the images; on average they cover {_percent(float(grid.mean()))}"
    down, across = ("upper", "middle", "lower")[row], ("left", "centre", "right")[column]
    where = "the centre" if row == column == 1 else f"the {down} {across}"
    covered, average = _percent(most), _percent(float(grid.mean()))
    return f"most lies in {where} ninth of the images: {covered} of it is covered, {average} on average"


def _percent(share: float) -> str:
    """Two digits that say something, however small it is."""
    percent = 100 * float(share)
    return f"{percent:.0f}%" if percent >= 10 else f"{percent:.2g}%"
