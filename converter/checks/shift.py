"""Do masks lie beside their objects, as when only the images were resized, cropped or padded.

Edges of a picture lie where masks end. So the magnitude of the image's gradient (clipped at
its 98th percentile, standardised) is correlated with the pixels on the boundary of masks, for
every shift up to REACH pixels, by FFT; and again with the boundary scaled about the image's
centre or its first corner. Scores add up over images. Where they peak is how far the masks
are off; an annotator's own bias is below a pixel or so, and it takes many images that agree
to be believed.

Measured: shifts of 2, 4 and 8 pixels and scales of 3 % are found to within 1 pixel and 1 %
from 20 images of CamVid and of DSB 2018; six untouched sets peak within 0.7 pixels of where
they should.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from converter.checks.catalog import finding
from converter.checks.subject import Facts, Subject
from converter.geometry import labelmap
from converter.model import Finding, LabelMap

__all__ = ["IMAGES", "Displacement", "boundary_of", "check", "displacement", "scores"]

IMAGES = 32  # more of them tell nothing new
FEWEST = 5  # images that have to agree
REACH = 16  # pixels
SCALES = np.arange(-5, 6) / 100
NONE = len(SCALES) // 2
WINDOW = 640  # of larger images this much is looked at, around the masks
SMALLEST = 4 * REACH
EDGES = 40  # boundary pixels that say something

BIAS = 1.35  # pixels along an axis that are still the annotator's hand
SCALE_BIAS = 0.015
MARGIN = 1.06  # by which the best score has to beat that of the masks as they are
SCALE_MARGIN = 1.05  # and a scale the best shift, being the more particular explanation
AGREE = 0.7  # share of images whose own score is better
SURE = 4.0  # standard errors of the gain over images
CLEAR = 3.5  # standard deviations of the peak over the other shifts

Scores = NDArray[np.float32]


class Displacement(msgspec.Struct, frozen=True):
    """How far masks lie from their objects, in pixels right and down at `anchor`, and how much too large.

    `gain`: the best score over that of the masks as they are; `images`: how many were looked at.
    """

    x: float
    y: float
    scale: float
    anchor: str
    gain: float
    images: int


def boundary_of(subject: Subject) -> NDArray[np.bool_] | None:
    """Bool (height, width): the pixels on either side of every edge between masks; None without any mask."""
    if subject.labels is not None:
        return _edges(subject.labels)
    masks = [d.mask for d in subject.drawn if d.mask is not None and d.area and not d.instance.iscrowd]
    if not masks or len(masks) > 0xFFFF:
        return None
    image = subject.image
    painted, _ = labelmap.paint(image.height, image.width, 0, list(enumerate(masks, 1)))
    return _edges(painted)


def _edges(labels: LabelMap) -> NDArray[np.bool_]:
    edges = np.zeros(labels.shape, np.bool_)
    beside = labels[:, 1:] != labels[:, :-1]
    edges[:, 1:] |= beside
    edges[:, :-1] |= beside
    below = labels[1:] != labels[:-1]
    edges[1:] |= below
    edges[:-1] |= below
    return edges


def scores(rgb: NDArray[np.uint8], edges: NDArray[np.bool_]) -> Scores | None:
    """How well the boundary lies on edges of the picture, for every anchor, scale and shift.

    (2, scales, 2 REACH + 1, 2 REACH + 1) float32: anchors centre and corner, shifts down and
    right that the *boundary* would have to make. None for images too small or without edges.
    """
    height, width = edges.shape
    ys, xs = np.nonzero(edges)
    if min(height, width) < SMALLEST or len(ys) < EDGES:
        return None
    top, left = _window(ys, height), _window(xs, width)
    part = rgb[top : top + WINDOW, left : left + WINDOW]
    gradient = _gradient(part)
    if gradient is None:
        return None
    size = tuple(_smooth(n + 2 * REACH) for n in gradient.shape)
    spectrum = np.fft.rfft2(gradient, size).astype(np.complex64)
    found = np.empty((2, len(SCALES), 2 * REACH + 1, 2 * REACH + 1), np.float32)
    for a, (cy, cx) in enumerate(((height / 2, width / 2), (0.0, 0.0))):
        for s, scale in enumerate(SCALES.tolist()):
            if a and s == NONE:
                found[a, s] = found[0, s]
                continue
            y = np.rint(ys + scale * (ys + 0.5 - cy)).astype(np.int64) - top
            x = np.rint(xs + scale * (xs + 0.5 - cx)).astype(np.int64) - left
            found[a, s] = _correlate(spectrum, size, y, x, gradient.shape)
    return found


def _smooth(length: int) -> int:
    """The least number from `length` on without a prime factor above 5: quick to transform."""
    while True:
        rest = length
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return length
        length += 1


def _window(places: NDArray[np.int64], length: int) -> int:
    """Where the window begins along an axis: around the middle of the boundary."""
    return int(np.clip(int(np.median(places)) - WINDOW // 2, 0, max(0, length - WINDOW)))


def _gradient(rgb: NDArray[np.uint8]) -> NDArray[np.float32] | None:
    """Standardised magnitude of central differences, (height, width) float32; None where nothing is to be seen."""
    gray = rgb @ np.array([0.299, 0.587, 0.114], np.float32)
    across, down = np.zeros_like(gray), np.zeros_like(gray)
    across[:, 1:-1] = gray[:, 2:] - gray[:, :-2]
    down[1:-1] = gray[2:] - gray[:-2]
    magnitude = np.hypot(across, down)
    magnitude = np.minimum(magnitude, np.percentile(magnitude, 98))
    spread = float(magnitude.std())
    if not spread:
        return None
    standard: NDArray[np.float32] = ((magnitude - magnitude.mean()) / spread).astype(np.float32)
    return standard


def _correlate(
    spectrum: NDArray[Any], size: tuple[int, ...], y: NDArray[np.int64], x: NDArray[np.int64], shape: tuple[int, ...]
) -> Scores:
    """The gradient under the boundary at every shift, over the root of its pixels, so that images weigh alike."""
    inside = (y >= 0) & (y < shape[0]) & (x >= 0) & (x < shape[1])
    boundary = np.zeros(size, np.float32)
    boundary[y[inside], x[inside]] = 1
    found = np.fft.irfft2(spectrum * np.conj(np.fft.rfft2(boundary)), size)
    near = np.roll(found, (REACH, REACH), (0, 1))[: 2 * REACH + 1, : 2 * REACH + 1]
    result: Scores = (near / np.sqrt(max(1, int(inside.sum())))).astype(np.float32)
    return result


def displacement(volumes: Sequence[Scores]) -> Displacement | None:
    """How far the masks of a set are off; None when they are where they should be, or nothing can be told."""
    if len(volumes) < FEWEST:
        return None
    every = np.stack(volumes)
    total = every.sum(axis=0, dtype=np.float64)
    start = (0, NONE, REACH, REACH)
    shifts = total[0, NONE]
    shift = (0, NONE, *_peak(shifts))
    best = tuple(int(i) for i in np.unravel_index(int(total.argmax()), total.shape))
    scale = float(SCALES[best[1]]) + 0.01 * _vertex(total[(best[0], slice(None), *best[2:])], best[1])
    if (
        abs(scale) > SCALE_BIAS
        and total[best] > SCALE_MARGIN * total[shift]
        and _believed(every, total[best[0], best[1]], best, start)
        and _gains(every, best, shift)
    ):
        return _told(total, best, start, scale, len(volumes))
    y, x = _off(shifts, shift)
    if max(abs(y), abs(x)) <= BIAS or not _believed(every, shifts, shift, start):
        return None
    return _told(total, shift, start, 0.0, len(volumes))


def _told(
    total: NDArray[np.float64], best: tuple[int, ...], start: tuple[int, ...], scale: float, n: int
) -> Displacement:
    """What the boundary has to do is the opposite of what was done to the masks."""
    y, x = _off(total[best[0], best[1]], best)
    gain = float(total[best] / total[start]) if total[start] > 0 else float("inf")
    return Displacement(-x, -y, 1 / (1 + scale) - 1, "corner" if best[0] else "centre", gain, n)


def _peak(plane: NDArray[np.float64]) -> tuple[int, int]:
    y, x = np.unravel_index(int(plane.argmax()), plane.shape)
    return int(y), int(x)


def _off(plane: NDArray[np.float64], at: tuple[int, ...]) -> tuple[float, float]:
    """The shift of a peak, finer than a pixel by the parabola through its neighbours."""
    y, x = at[2:]
    return y - REACH + _vertex(plane[:, x], y), x - REACH + _vertex(plane[y], x)


def _vertex(line: NDArray[np.float64], at: int) -> float:
    """Where, seen from `at`, the parabola through three values has its top; 0 at an end."""
    if not 0 < at < len(line) - 1:
        return 0.0
    before, here, after = (float(v) for v in line[at - 1 : at + 2])
    bend = before - 2 * here + after
    return 0.5 * (before - after) / bend if bend < 0 else 0.0


def _believed(every: Scores, plane: NDArray[np.float64], best: tuple[int, ...], start: tuple[int, ...]) -> bool:
    """Whether a peak is clear of the other shifts, and better than no shift for nearly every image."""
    total, now = float(plane[best[2:]]), float(_each(every, start).sum())
    clear = total - float(plane.mean()) >= CLEAR * float(plane.std())
    return clear and total > MARGIN * now and _gains(every, best, start)


def _each(every: Scores, at: tuple[int, ...]) -> NDArray[np.float64]:
    """The score of every image at one place."""
    anchor, scale, y, x = at
    return every[:, anchor, scale, y, x].astype(np.float64)


def _gains(every: Scores, best: tuple[int, ...], other: tuple[int, ...]) -> bool:
    gain = _each(every, best) - _each(every, other)
    error = float(gain.std(ddof=1)) / len(gain) ** 0.5
    return bool((gain > 0).mean() >= AGREE) and float(gain.mean()) >= SURE * error


def check(facts: Sequence[Facts]) -> Iterator[Finding]:
    """One finding for the set, or one for each split that is off by itself."""
    groups: dict[str, list[Scores]] = {"": [f.alignment for f in facts if f.alignment is not None]}
    whole = displacement(groups[""])
    if whole is not None:
        yield finding("shifted-masks", f"masks of the whole set are {words(whole)}")
        return
    for split in sorted({f.split for f in facts if f.split}):
        mine = [f.alignment for f in facts if f.alignment is not None and f.split == split]
        off = displacement(mine) if len(mine) < len(groups[""]) else None
        if off is not None:
            yield finding("shifted-masks", f"masks of the split {split} are {words(off)}")


def words(off: Displacement) -> str:
    """Where masks lie, for people: `4 px too far left and 2 px too far up`."""
    parts = []
    if off.scale:
        parts.append(f"{abs(off.scale):.1%} too {'large' if off.scale > 0 else 'small'}")
    x, y = round(off.x), round(off.y)
    moves = []
    if x:
        moves.append(f"{abs(x)} px too far {'right' if x > 0 else 'left'}")
    if y:
        moves.append(f"{abs(y)} px too far {'down' if y > 0 else 'up'}")
    if moves:
        place = "" if not off.scale else (" at the centre" if off.anchor == "centre" else " at the upper left corner")
        parts.append(" and ".join(moves) + place)
    elif off.scale:
        parts.append("about the centre" if off.anchor == "centre" else "about the upper left corner")
    return ", ".join(parts) + f" (seen on {off.images} images, edges fit {off.gain:.2f} times better there)"
