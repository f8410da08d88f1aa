"""What glibc does with memory that is freed: keep it for the next image, or give it back to the system.

Left to itself it gives the arrays of every image of a megapixel back, and the system fills
the pages of the next one with zeros: half of the time that reading such masks takes.
Other C libraries have no such settings, and stay as they are.
"""

from __future__ import annotations

import contextlib
import ctypes

__all__ = ["KEPT", "give_back", "keep"]

# malloc.h
M_TRIM_THRESHOLD = -1
M_MMAP_THRESHOLD = -3
LARGEST = 32 << 20  # bytes of an array that is kept; glibc allows no more
KEPT = 64 << 20  # bytes at the end of the heap


def keep() -> None:
    """From now on, of what this process frees some stays with it. For processes that are ours alone."""
    with contextlib.suppress(AttributeError, OSError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_MMAP_THRESHOLD, LARGEST)
        mallopt(M_TRIM_THRESHOLD, KEPT)


def give_back() -> None:
    """All that is freed goes back to the system: else it adds to every peak that follows."""
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
