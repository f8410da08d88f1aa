"""Do masks lie beside their objects, as when only the images were resized, cropped or padded.

Edges of a picture lie where masks end. So the magnitude of the image's gradient (clipped at
its 98th percentile, standardised) is correlated with the pixels on the boundary of masks, for
every shift up to REACH pixels; and again with the boundary scaled about the image's centre or
its first corner, and mirrored, as when one of the two was flipped alone or y counted upwards.
Scores add up over images. Where they peak is how far the masks are off; an annotator's own bias
is below a pixel or so, and it takes many images that agree to be believed.

Masks are often drawn a little too wide or too narrow all around. Moved to any side they fit
better on that side, and scaled about the centre when they lie there: so it is tried as well how
they fit when they are grown or shrunk where they lie, and a shift has to fit better than its
opposite.

Measured: shifts of 2, 4 and 8 pixels and scales of 3 % are found to within 1 pixel and 1 %
from 20 images of CamVid and of DSB 2018; six untouched sets peak within 0.7 pixels of where
they should. Mirrored, the masks of both score at most 0.54 of what they do as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

import msgspec
import numpy as np
from numpy.typing import NDArray

from converter.checks.catalog import finding
from converter.checks.subject import Facts, Subject
from converter.geometry import labelmap
from converter.model import Finding, LabelMap

__all__ = ["IMAGES", "Boundary", "Displacement", "boundary", "boundary_of", "check", "displacement", "scores"]

IMAGES = 32  # more of them tell nothing new
FEWEST = 5  # images that have to agree
REACH = 16  # pixels
SCALES = tuple(n / 100 for n in range(-5, 6) if n)
MIRRORED = {"x": "left to right", "y": "upside down", "xy": "both ways, as if turned by half"}
NEAR = 2  # pixels by which mirroring may be off
GROWN = (-6, -4, -2, 0, 2, 4, 6)  # pixels outwards
AS_DRAWN = GROWN.index(0)
BLUR = 4  # pixels to each side that are looked at to tell what is outwards
WINDOW = 640  # of larger images this much is looked at, around the masks
SMALLEST = 4 * REACH
EDGES = 40  # boundary pixels that say something
POINTS = 2000  # of them, evenly taken; neighbours tell the same
GLANCE = 3000  # of a whole set: enough to see that nothing is off
ENOUGH = 8  # images for that, where there are twice as many and more
NEARLY, BARELY = 0.97, 1.02  # of the score of masks as they are; two pixels away and one
CLIPPED = 0.98  # of gradients, above which they are as good as that
AT_ONCE = 250  # pixels whose surroundings, summed up, stay in the cache

BIAS = 1.35  # pixels along an axis that are still the annotator's hand
SCALE_BIAS = 0.015
MARGIN = 1.06  # by which the best score has to beat that of the masks as they are
SCALE_MARGIN = 1.05  # and a scale the best shift, being the more particular explanation
GROWN_MARGIN = 1.15  # an edge in one direction is moved as well by growing it
AGREE = 0.7  # share of images whose own score is better
SURE = 4.0  # standard errors of the gain over images
MIRROR_MARGIN = 1.25  # of a mirrored boundary over everything else: many scenes are half symmetric
CLEAR = 3.5  # standard deviations of the peak over the other shifts

WHOLE = "the whole set"

Scores = NDArray[np.float32]
Place = tuple[int, int, int]  # a guess and a shift, as an index of scores


class Displacement(msgspec.Struct, frozen=True):
    """How far masks lie from their objects, in pixels right and down at `anchor`, and how much too large.

    `mirrored`: the axes along which they are, "x", "y" or "xy", and then nothing else is told.
    `gain`: the best score over that of the masks as they are; `images`: how many were looked at.
    """

    x: float
    y: float
    scale: float
    anchor: str
    gain: float
    images: int
    mirrored: str = ""


class Boundary(msgspec.Struct, frozen=True):
    """Pixels on either side of edges between masks, with the unit vectors that point away from all masks.

    `ys`, `xs` ascend by rows; `down`, `right` are 0 between two masks. `height` and `width` of the image.
    """

    ys: NDArray[np.int64]
    xs: NDArray[np.int64]
    down: NDArray[np.float32]
    right: NDArray[np.float32]
    height: int
    width: int


def boundary_of(subject: Subject, points: int = POINTS) -> Boundary | None:
    """The boundary of everything that is drawn on an image; None without any mask."""
    if subject.labels is not None:
        return boundary(subject.labels, points)
    masks = [d.mask for d in subject.drawn if d.mask is not None and d.area and not d.instance.iscrowd]
    if not masks or len(masks) > 0xFFFF:
        return None
    image = subject.image
    painted, _ = labelmap.paint(image.height, image.width, 0, list(enumerate(masks, 1)))
    return boundary(painted, points)


def boundary(labels: LabelMap, points: int = POINTS) -> Boundary:
    """The boundary of a label map (height, width) in which 0 is no mask; at most `points` of its pixels."""
    edges = np.zeros(labels.shape, np.bool_)
    beside = labels[:, 1:] != labels[:, :-1]
    edges[:, 1:] |= beside
    edges[:, :-1] |= beside
    below = labels[1:] != labels[:-1]
    edges[1:] |= below
    edges[:-1] |= below
    found = np.flatnonzero(edges)
    ys, xs = np.divmod(found[:: max(1, -(-len(found) // points))], labels.shape[1])
    return Boundary(ys, xs, *_outwards(labels > 0, ys, xs), *labels.shape)


def _outwards(
    drawn: NDArray[np.bool_], ys: NDArray[np.int64], xs: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Down and right of the unit vectors from more to less of `drawn`, by the sums of the squares beside a pixel."""
    padded = np.pad(drawn, BLUR, mode="edge")
    around = np.lib.stride_tricks.sliding_window_view(padded, (2 * BLUR + 1, 2 * BLUR + 1))[ys, xs]
    rows, columns = around.sum(axis=2, dtype=np.int32), around.sum(axis=1, dtype=np.int32)
    down = rows[:, :BLUR].sum(axis=1) - rows[:, BLUR + 1 :].sum(axis=1)
    right = columns[:, :BLUR].sum(axis=1) - columns[:, BLUR + 1 :].sum(axis=1)
    length = np.maximum(np.hypot(down, right), 1)
    return (down / length).astype(np.float32), (right / length).astype(np.float32)


class _Guess(msgspec.Struct, frozen=True):
    """What may have been done to masks besides moving them; undone it is before scoring."""

    scale: float = 0.0
    anchor: str = "centre"
    grown: int = 0
    mirrored: str = ""


GUESSES = (
    *(_Guess(grown=pixels) for pixels in GROWN),
    *(_Guess(scale, anchor) for anchor in ("centre", "corner") for scale in SCALES),
    *(_Guess(mirrored=axes) for axes in MIRRORED),
)
MIRROR = len(GUESSES) - len(MIRRORED)  # the first of these guesses
SCALE, CENTRED, OUTWARDS = np.array([(g.scale, g.anchor == "centre", g.grown) for g in GUESSES]).T[..., None]


def _moved(places: NDArray[np.int64], outwards: NDArray[np.float32], length: int, axis: str) -> NDArray[np.int64]:
    """Where the pixels of a boundary come to lie along an axis of an image so long: (guesses, pixels)."""
    about = CENTRED * (length / 2)
    moved: NDArray[np.int64] = np.rint(places + SCALE * (places + 0.5 - about) + OUTWARDS * outwards).astype(np.int64)
    turned = [axis in guess.mirrored for guess in GUESSES]
    moved[turned] = length - 1 - moved[turned]
    return moved


def scores(picture: NDArray[np.uint8], edge: Boundary) -> Scores | None:
    """How well the boundary lies on edges of the picture (height, width, RGB or none), for every guess and shift.

    (guesses, 2 REACH + 1, 2 REACH + 1) float32: shifts down and right that the *boundary* would
    have to make. None for images too small or without edges.
    """
    if min(edge.height, edge.width) < SMALLEST or len(edge.ys) < EDGES:
        return None
    top, left = _window(edge.ys, edge.height), _window(edge.xs, edge.width)
    gradient = _gradient(picture[top : top + WINDOW, left : left + WINDOW])
    if gradient is None:
        return None
    around = np.lib.stride_tricks.sliding_window_view(np.pad(gradient, REACH), (2 * REACH + 1, 2 * REACH + 1))
    y, x = _moved(edge.ys, edge.down, edge.height, "y") - top, _moved(edge.xs, edge.right, edge.width, "x") - left
    return np.stack([_correlate(around, *at) for at in zip(y, x, strict=True)])


def _window(places: NDArray[np.int64], length: int) -> int:
    """Where the window begins along an axis: around the middle of the boundary."""
    return int(np.clip(int(np.median(places)) - WINDOW // 2, 0, max(0, length - WINDOW)))


def _gradient(picture: NDArray[np.uint8]) -> NDArray[np.float32] | None:
    """Standardised magnitude of central differences, (height, width) float32; None where nothing is to be seen."""
    weights = np.array([0.299, 0.587, 0.114], np.float32)
    gray = picture @ weights if picture.ndim == 3 else picture.astype(np.float32)
    across, magnitude = gray[:, 2:] - gray[:, :-2], np.zeros_like(gray)
    np.square(across, out=magnitude[:, 1:-1])
    down = np.subtract(gray[2:], gray[:-2], out=gray[:-2])
    down *= down
    magnitude[1:-1] += down
    np.sqrt(magnitude, out=magnitude)
    np.minimum(magnitude, _at(magnitude, CLIPPED), out=magnitude)
    magnitude -= magnitude.mean()
    spread = np.sqrt(np.square(magnitude).mean())
    if not spread:
        return None
    magnitude /= spread
    return magnitude


def _at(values: NDArray[np.float32], share: float) -> np.float32:
    """The quantile of values, between two of them by linear interpolation: as np.quantile, and faster."""
    place, part = divmod(share * (values.size - 1), 1)
    among = np.partition(values, int(place), axis=None)[int(place) :]
    return np.float32(among[0] + (among[1:].min(initial=among.max()) - among[0]) * part)


def _correlate(around: NDArray[np.float32], y: NDArray[np.int64], x: NDArray[np.int64]) -> Scores:
    """The gradient under the boundary at every shift, over the root of its pixels, so that images weigh alike.

    `around` is (height, width, 2 REACH + 1, 2 REACH + 1): the gradient about every pixel.
    """
    inside = (y >= 0) & (y < around.shape[0]) & (x >= 0) & (x < around.shape[1])
    y, x = y[inside], x[inside]
    found = np.zeros(around.shape[2:], np.float32)
    for part in range(0, len(y), AT_ONCE):
        found += around[y[part : part + AT_ONCE], x[part : part + AT_ONCE]].sum(axis=0)
    result: Scores = found / np.float32(np.sqrt(max(1, len(y))))
    return result


def displacement(volumes: Sequence[Scores]) -> Displacement | None:
    """How far the masks of a set are off; None when they are where they should be, or nothing can be told."""
    if len(volumes) < FEWEST:
        return None
    every = np.stack(volumes)
    total = every.sum(axis=0, dtype=np.float64)
    shift, plain = _peak(total, 0, len(GROWN)), _peak(total, AS_DRAWN, AS_DRAWN + 1)
    if total[shift] <= GROWN_MARGIN * total[plain]:
        shift = plain
    mirrored = _peak(total, MIRROR, len(GUESSES))
    if (
        max(_off_centre(mirrored)) <= NEAR
        and total[mirrored] > MIRROR_MARGIN * float(total[:MIRROR].max())
        and _believed(every, total, mirrored, (AS_DRAWN, REACH, REACH))
    ):
        gain = float(total[mirrored]) / max(float(total[plain]), 1e-9)
        return Displacement(0.0, 0.0, 0.0, "centre", gain, len(volumes), GUESSES[mirrored[0]].mirrored)
    best = _peak(total, len(GROWN), MIRROR)
    scale = _finer_scale(total, best)
    if (
        abs(scale) > SCALE_BIAS
        and total[best] > SCALE_MARGIN * total[shift]
        and _believed(every, total, best, (AS_DRAWN, REACH, REACH))
        and _gains(every, best, plain)
    ):
        return _told(total, best, scale, len(volumes))
    y, x = _off(total[shift[0]], shift)
    unmoved, opposite = (shift[0], REACH, REACH), (shift[0], 2 * REACH - shift[1], 2 * REACH - shift[2])
    if (
        max(abs(y), abs(x)) > BIAS
        and total[shift] > MARGIN * float(total[: len(GROWN), REACH, REACH].max())
        and _believed(every, total, shift, unmoved, opposite)
    ):
        return _told(total, shift, 0.0, len(volumes))
    return None


def _off_centre(place: Place) -> tuple[int, int]:
    return abs(place[1] - REACH), abs(place[2] - REACH)


def _told(total: NDArray[np.float64], best: Place, scale: float, n: int) -> Displacement:
    """What the boundary has to do is the opposite of what was done to the masks."""
    y, x = _off(total[best[0]], best)
    now = float(total[AS_DRAWN, REACH, REACH])
    gain = float(total[best]) / now if now > 0 else float("inf")
    return Displacement(-x, -y, 1 / (1 + scale) - 1, GUESSES[best[0]].anchor, gain, n)


def _peak(total: NDArray[np.float64], first: int, end: int) -> Place:
    """The best place among the guesses from `first` to before `end`."""
    guess, y, x = np.unravel_index(int(total[first:end].argmax()), total[first:end].shape)
    return first + int(guess), int(y), int(x)


def _finer_scale(total: NDArray[np.float64], best: Place) -> float:
    """The scale of a peak, finer than the guesses by the parabola through its neighbours, of which 0 is one."""
    guess = GUESSES[best[0]]
    along = [i for i, g in enumerate(GUESSES) if i == AS_DRAWN or (g.scale and g.anchor == guess.anchor)]
    line = {GUESSES[i].scale: float(total[(i, *best[1:])]) for i in along}
    scales = sorted(line)
    return guess.scale + 0.01 * _vertex(np.array([line[s] for s in scales]), scales.index(guess.scale))


def _off(plane: NDArray[np.float64], at: Place) -> tuple[float, float]:
    """The shift of a peak, finer than a pixel by the parabola through its neighbours."""
    _, y, x = at
    return y - REACH + _vertex(plane[:, x], y), x - REACH + _vertex(plane[y], x)


def _vertex(line: NDArray[np.float64], at: int) -> float:
    """Where, seen from `at`, the parabola through three values has its top; 0 at an end."""
    if not 0 < at < len(line) - 1:
        return 0.0
    before, here, after = (float(v) for v in line[at - 1 : at + 2])
    bend = before - 2 * here + after
    return 0.5 * (before - after) / bend if bend < 0 else 0.0


def _believed(every: Scores, total: NDArray[np.float64], best: Place, *others: Place) -> bool:
    """Whether a peak is clear of the other shifts, and better than each of `others` for nearly every image."""
    plane = total[best[0]]
    clear = total[best] - float(plane.mean()) >= CLEAR * float(plane.std())
    return bool(clear) and all(total[best] > MARGIN * total[o] and _gains(every, best, o) for o in others)


def _gains(every: Scores, best: Place, other: Place) -> bool:
    gain = every[(slice(None), *best)].astype(np.float64) - every[(slice(None), *other)]
    error = float(gain.std(ddof=1)) / len(gain) ** 0.5
    return bool((gain > 0).mean() >= AGREE) and float(gain.mean()) >= SURE * error


def glance(splits: Sequence[str | None]) -> tuple[list[int], int]:
    """What is enough for `doubtful`: which images, given by their splits, and how many boundary pixels of each.

    Of many images of a split it is some, evenly taken.
    """
    places: dict[str | None, list[int]] = {}
    for place, split in enumerate(splits):
        places.setdefault(split, []).append(place)
    taken = [mine[:: max(1, len(mine) // ENOUGH)] for mine in places.values()]
    judged = [n for n in (sum(map(len, taken)), *map(len, taken)) if n >= FEWEST]
    return sorted(chain.from_iterable(taken)), min(POINTS, -(-GLANCE // min(judged, default=FEWEST)))


def doubtful(facts: Sequence[Facts]) -> bool:
    """Whether scores of few pixels, which cost little, leave room for a finding by POINTS of them.

    Far from it they are where masks lie on the edges: nothing that is tried fits nearly as well.
    """
    return any(_doubtful(volumes) for _, volumes in _groups(facts) if len(volumes) >= FEWEST)


def _doubtful(volumes: Sequence[Scores]) -> bool:
    total = np.stack(volumes).sum(axis=0, dtype=np.float64)
    unscaled = total[: len(GROWN)]
    here = float(unscaled[:, REACH, REACH].max())
    beside = np.full(total.shape[1:], NEARLY)
    beside[REACH - 1 : REACH + 2, REACH - 1 : REACH + 2] = BARELY
    beside[REACH, REACH] = np.inf
    scaled = total[[abs(guess.scale) > SCALE_BIAS or bool(guess.mirrored) for guess in GUESSES]]
    return bool((unscaled > here * beside).any() or scaled.max() > NEARLY * total[AS_DRAWN].max())


def check(facts: Sequence[Facts]) -> Iterator[Finding]:
    """One finding for the set, or one for each split that is off by itself."""
    for whose, volumes in _groups(facts):
        off = displacement(volumes)
        if off is not None:
            yield _finding(whose, off)
            if whose == WHOLE:
                return


def _groups(facts: Sequence[Facts]) -> Iterator[tuple[str, list[Scores]]]:
    """What is judged by itself: the whole set, then each split that is a part of it."""
    every = [f.alignment for f in facts if f.alignment is not None]
    yield WHOLE, every
    for split in sorted({f.split for f in facts if f.split}):
        mine = [f.alignment for f in facts if f.alignment is not None and f.split == split]
        if len(mine) < len(every):
            yield f"the split {split}", mine


def _finding(whose: str, off: Displacement) -> Finding:
    details = {"x": round(off.x, 2), "y": round(off.y, 2), "scale": round(off.scale, 4), "anchor": off.anchor}
    fix = ""
    if off.mirrored:
        details["mirrored"] = off.mirrored
        fix = "mirror masks back, or images and masks alike; where y is counted upwards, take it from the height"
    return finding("shifted-masks", f"masks of {whose} are {words(off)}", details=details, fix=fix)


def words(off: Displacement) -> str:
    """Where masks lie, for people: `4 px too far left and 2 px too far up`."""
    parts = [f"mirrored {MIRRORED[off.mirrored]}"] if off.mirrored else []
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
