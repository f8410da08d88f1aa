"""What is kept of freed memory, counted by the system: pages that it had to fill with zeros."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

ARRAYS = """
import resource, sys
import numpy as np
from converter import heap

if sys.argv[1] == "kept":
    heap.keep()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(40):  # as of an image of two megapixels
    arrays = [np.ones((1080, 1920), np.uint8) for _ in range(3)]
    del arrays
heap.give_back()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have no such settings")
def test_arrays_of_the_next_image_take_the_pages_of_the_last():
    kept, left = (
        int(subprocess.run([sys.executable, "-c", ARRAYS, how], capture_output=True, text=True, check=True).stdout)
        for how in ("kept", "left")
    )
    assert kept * 4 < left
