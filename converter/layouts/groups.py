"""Which of very many belong to which of many."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

__all__ = ["NOBODY", "Groups"]

NOBODY = -1  # whose something is that is left out


class Groups(msgspec.Struct, frozen=True):
    """The places of members by the place of their owner, in 4 bytes a member and 4 an owner.

    `order` are the members, those of one owner together and as they came; `ends` is where those of each end.
    """

    order: NDArray[np.int32]
    ends: NDArray[np.int32]

    @classmethod
    def of(cls, owners: NDArray[np.integer], count: int) -> Groups:
        """From the owner of each member, of `count` owners."""
        order = np.argsort(owners, kind="stable")[np.count_nonzero(owners == NOBODY) :].astype(np.int32)
        return cls(order, np.cumsum(np.bincount(owners[order], minlength=count), dtype=np.int32))

    def __getitem__(self, owner: int) -> NDArray[np.int32]:
        begin = self.ends[owner - 1] if owner else 0
        return self.order[begin : self.ends[owner]]
