"""Splits: seeded, stratified by class, with groups kept together.

What decides is the seed, the name of each image, what is drawn on it and its pixels; not
the order, the format or the machine: names are hashed with SHA-256, and everything else
is whole numbers.

Images stay together when --group-by finds the same text in their names, when their files
are equal byte for byte, and when they are near duplicates. A split gets its share of the
images, exact to one where the sizes of the groups allow it: large groups are placed
first, and of those that fit an image goes to where its classes lack most; then single
images change places as long as that brings the classes closer to their shares.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from converter.codecs import phash, text
from converter.errors import UsageError
from converter.layouts.images import order_splits, split_name
from converter.transforms.split_lists import SPLIT

__all__ = ["Assignment", "Facts", "Splitting", "assign", "parse_split"]

SCALE = 10_000
NEAR, FAR = 300, 450  # of ten thousand: 3 and 4.5 points
ROUNDS = 8
TRIED = 400


class Splitting(msgspec.Struct, frozen=True):
    """Names of splits with their shares, which add up to 1; the seed; the pattern of groups."""

    shares: tuple[tuple[str, Fraction], ...]
    seed: int = 0
    group_by: str | None = None


class Facts(msgspec.Struct, frozen=True):
    """What splitting has to know of an image. `classes`: instances by class name, crowds not counted."""

    name: str
    classes: dict[str, int]
    digest: str = ""
    look: phash.Look | None = None


def parse_split(value: str | None, seed: int | None, group_by: str | None) -> Splitting | None:
    """The options --split, --seed and --group-by."""
    if value is None:
        for option, given in (("--seed", seed), ("--group-by", group_by)):
            if given is not None:
                raise UsageError(f"{option} {given} goes with --split train=0.8,val=0.2")
        return None
    shares: dict[str, Fraction] = {}
    for part in value.split(","):
        name, found, share = (p.strip() for p in part.partition("="))
        if not found or not SPLIT.fullmatch(name):
            raise UsageError(f"--split {value}: '{part}' is no share; write train=0.8,val=0.1,test=0.1")
        if split_name(name) in shares:
            raise UsageError(f"--split {value}: {split_name(name)} stands twice")
        number = text.ratio(share)
        if number is None:
            raise UsageError(f"--split {value}: '{share}' is no share; write it as 0.8, 4/5 or 80")
        shares[split_name(name)] = number
    total = sum(shares.values())
    if min(shares.values()) <= 0 or total not in {1, 100}:
        raise UsageError(
            f"--split {value}: the shares add up to {float(total):g}; write shares above 0 that add up to 1"
        )
    if group_by is not None:
        try:
            re.compile(group_by)
        except re.error as error:
            raise UsageError(f"--group-by {group_by}: is no regular expression ({error})") from None
    named = {name: shares[name] / total for name in order_splits(shares)}
    return Splitting(tuple(named.items()), seed or 0, group_by)


# ---------------------------------------------------------------- groups


def _groups(facts: Sequence[Facts], group_by: str | None) -> list[list[int]]:
    """Images that stay together, as places in `facts`."""
    leader = list(range(len(facts)))

    def find(i: int) -> int:
        while leader[i] != i:
            leader[i] = leader[leader[i]]
            i = leader[i]
        return i

    def join(pairs: Iterable[tuple[int, int]]) -> None:
        for a, b in pairs:
            leader[find(b)] = find(a)

    for key in (lambda f: _group_name(f.name, group_by), lambda f: f.digest):
        first: dict[str, int] = {}
        for i, fact in enumerate(facts):
            name = key(fact)
            if name:
                join([(first.setdefault(name, i), i)])
    looking = [(i, f.look) for i, f in enumerate(facts) if f.look is not None]
    for place, earlier in phash.earlier_like([each for _, each in looking], phash.SIMILAR):
        join((looking[i][0], looking[place][0]) for i in earlier.tolist())
    members: dict[int, list[int]] = defaultdict(list)
    for i in range(len(facts)):
        members[find(i)].append(i)
    return list(members.values())


def _group_name(name: str, pattern: str | None) -> str:
    """What --group-by finds in a name: its first group, else all of the match."""
    match = re.search(pattern, name) if pattern is not None else None
    if match is None:
        return ""
    return (match[1] if match.re.groups else match[0]) or ""


# ---------------------------------------------------------------- shares


class Assignment(msgspec.Struct, frozen=True):
    """The split of every image, in the order of the facts.

    `together` are the sizes of groups of two and more, `ungrouped` images that --group-by finds nothing in.
    """

    splits: list[str]
    together: list[int]
    ungrouped: int = 0


def assign(facts: Sequence[Facts], how: Splitting) -> Assignment:
    """A split for every image; the order of `facts` does not matter.

    UsageError where --group-by finds nothing in any name.
    """
    ungrouped = sum(not _group_name(f.name, how.group_by) for f in facts) if how.group_by is not None else 0
    if facts and ungrouped == len(facts):
        raise UsageError(
            f"--group-by {how.group_by}: finds nothing in any image name, the first of which is {facts[0].name}"
        )
    names = [name for name, _ in how.shares]
    keys = [hashlib.sha256(f"{how.seed}\0{f.name}".encode()).hexdigest() for f in facts]
    groups = [sorted(group, key=lambda i: keys[i]) for group in _groups(facts, how.group_by)]
    table = _table(facts)
    groups.sort(key=lambda g: (-len(g), _rarity(g, table), keys[g[0]]))
    sums = np.array([table[g].sum(axis=0) for g in groups]).reshape(len(groups), table.shape[1])
    balance = _Balance(sums, len(facts), how)
    places = _place(groups, sums, balance, how)
    _exchange(groups, sums, places, balance)
    found = [""] * len(facts)
    for group, place in zip(groups, places, strict=True):
        for i in group:
            found[i] = names[place]
    return Assignment(found, [len(g) for g in groups if len(g) > 1], ungrouped)


def _table(facts: Sequence[Facts]) -> NDArray[np.int64]:
    """Instances of each class, then whether there are any, of every image: (images, 2 x classes)."""
    names = sorted({name for f in facts for name in f.classes})
    column = {name: i for i, name in enumerate(names)}
    table = np.zeros((len(facts), 2 * len(names)), np.int64)
    for row, fact in enumerate(facts):
        for name, count in fact.classes.items():
            table[row, column[name]] = count
            table[row, len(names) + column[name]] = count > 0
    return table


def _rarity(group: Sequence[int], table: NDArray[np.int64]) -> int:
    """Images that the rarest class of a group occurs in, so that rare classes are placed first."""
    seen = table[:, table.shape[1] // 2 :]
    mine = seen[list(group)].any(axis=0)
    return int(seen.sum(axis=0)[mine].min()) if mine.any() else len(table) + 1


def _quotas(total: int, how: Splitting) -> list[int]:
    """How many images each split gets: the whole part of its share, and the largest remainders one more."""
    exact = [total * share for _, share in how.shares]
    quotas = [int(e) for e in exact]
    order = sorted(range(len(exact)), key=lambda i: (quotas[i] - exact[i], i))
    for i in order[: total - sum(quotas)]:
        quotas[i] += 1
    return quotas


class _Balance:
    """What every split should hold, and how far from it one is; whole numbers, the same on every machine."""

    def __init__(self, sums: NDArray[np.int64], images: int, how: Splitting) -> None:
        self.half = sums.shape[1] // 2
        self.total = sums.sum(axis=0)
        self.instances = max(1, int(self.total[: self.half].sum()))
        self.images = images
        self.parts = np.array([[max(1, round(share * SCALE))] for _, share in how.shares], np.int64)
        self.expected = self.parts * self.total

    def lacks(self, held: NDArray[np.int64], mine: NDArray[np.int64]) -> NDArray[np.int64]:
        """How much each split lacks of the classes of a group, (splits,): instances and images alike."""
        weights = np.concatenate((np.full(self.half, self.instances), np.maximum(1, self.total[self.half :]) * 4))
        missing = (self.expected - held * SCALE) * np.sign(mine) * SCALE // (self.parts * weights)
        result: NDArray[np.int64] = missing.sum(axis=1)
        return result

    def cost(self, held: NDArray[np.int64], split: Any) -> NDArray[np.int64]:
        """How far shares are from those of the whole, for rows `held` of the splits `split`.

        In ten thousandths, squared and summed: the share of each class in the instances, what is
        beyond 3 and beyond 4.5 points of it many times over, and that of the images it is in.
        """
        drawn = held[..., : self.half]
        count = np.maximum(1, drawn.sum(axis=-1, keepdims=True))
        off = np.abs((drawn * self.instances - self.total[: self.half] * count) * SCALE // (count * self.instances))
        beyond = np.maximum(0, off - NEAR)
        seen = held[..., self.half :] * SCALE - self.expected[split][..., self.half :]
        seen = seen * SCALE // (self.parts[split] * self.images)
        far = np.maximum(0, off - FAR)
        result: NDArray[np.int64] = (off * off + 16 * beyond * beyond + 1024 * far * far + seen * seen // 8).sum(
            axis=-1
        )
        return result


def _place(groups: Sequence[Sequence[int]], sums: NDArray[np.int64], balance: _Balance, how: Splitting) -> list[int]:
    """A split for every group: of those with room for it, the one that lacks its classes most."""
    room = np.array(_quotas(balance.images, how), np.int64)
    held = np.zeros((len(room), sums.shape[1]), np.int64)
    places = []
    for group, mine in zip(groups, sums, strict=True):
        lacks, fits = balance.lacks(held, mine), room >= len(group)
        relative = room * SCALE // balance.parts[:, 0]
        keys = [(not fits[s], -int(lacks[s]) if fits[s] else 0, -int(relative[s])) for s in range(len(room))]
        place = keys.index(min(keys))
        places.append(place)
        room[place] -= len(group)
        held[place] += mine
    return places


def _exchange(groups: Sequence[Sequence[int]], sums: NDArray[np.int64], places: list[int], balance: _Balance) -> None:
    """Groups of one size change places while that brings classes closer to their shares."""
    held = np.zeros((len(balance.parts), sums.shape[1]), np.int64)
    for place, mine in zip(places, sums, strict=True):
        held[place] += mine
    at, sizes = np.array(places), np.array([len(g) for g in groups])
    for _ in range(ROUNDS):
        moved = [_best_exchange(i, at, sizes, sums, held, balance) for i in range(min(len(groups), TRIED))]
        if not any(moved):
            break
    places[:] = at.tolist()


def _best_exchange(
    i: int,
    at: NDArray[np.int64],
    sizes: NDArray[np.int64],
    sums: NDArray[np.int64],
    held: NDArray[np.int64],
    balance: _Balance,
) -> bool:
    """Exchange group `i` with the one that gains most by it; False when none does."""
    mine = at[i]
    others = np.flatnonzero((at != mine) & (sizes == sizes[i]))[:TRIED]
    if not len(others):
        return False
    theirs, change = at[others], sums[others] - sums[i]
    before = balance.cost(held, slice(None))
    here = balance.cost(held[mine] + change, mine)
    there = balance.cost(held[theirs] - change, theirs)
    gain = before[mine] + before[theirs] - here - there
    best = int(np.argmax(gain))
    if gain[best] <= 0:
        return False
    held[mine] += change[best]
    held[theirs[best]] -= change[best]
    at[i], at[others[best]] = theirs[best], mine
    return True
