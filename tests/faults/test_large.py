"""A million annotations on a hundred thousand images: memory stays flat once the JSON is read.

Run with SEGPACK_SLOW=1; SEGPACK_LARGE=10000 makes it 10,000 images.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

IMAGES = int(os.environ.get("SEGPACK_LARGE", "100000"))
A_FOLDER = 1000  # images, so that no folder is slow by itself

pytestmark = [
    pytest.mark.skipif(os.environ.get("SEGPACK_SLOW") != "1", reason="takes minutes; set SEGPACK_SLOW=1"),
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten objects on each image; the image files are links to a few."""
    root = tmp_path_factory.mktemp("large") / "set"
    (root / "images").mkdir(parents=True)
    Image.fromarray(np.full((8, 8, 3), 90, np.uint8)).save(root / "one.png")
    with (root / "labels.json").open("w", encoding="ascii") as out:
        out.write('{"categories": [{"id": 1, "name": "cat"}], "images": [')
        for i in range(IMAGES):
            name = f"{i // A_FOLDER:03}/{i:06}.png"
            if i % A_FOLDER == 0:
                (root / "images" / name).parent.mkdir()
            if i % 10_000 == 0:
                first = root / "images" / name
                first.write_bytes((root / "one.png").read_bytes())
            else:
                os.link(first, root / "images" / name)
            out.write(f'{"," if i else ""}{{"id": {i}, "file_name": "{name}", "width": 8, "height": 8}}')
        out.write('], "annotations": [')
        for i in range(10 * IMAGES):
            x, y = i % 5, i % 3
            ring = [x, y, x + 3, y, x + 3, y + 3, x, y + 3]
            entry = {"id": i, "image_id": i // 10, "category_id": 1, "segmentation": [ring], "iscrowd": 0}
            out.write(("," if i else "") + json.dumps(entry))
        out.write("]}")
    (root / "one.png").unlink()
    return root


def memory(pid: int) -> float:
    """Resident memory in MB."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0
    return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS:")), 0)


# From which share of the time on memory is flat: packing reads a second JSON, its own, when all is written.
COMMANDS = (
    (["convert", "--to", "yolo-seg"], "out", 0.5),
    (["convert", "--to", "coco"], "out.zip", 0.5),
    (["pack", "--mask-encoding", "rle"], "package.zip", 0.85),
)


@pytest.mark.parametrize(("command", "name", "since"), COMMANDS)
def test_memory_is_flat_and_few_files_are_open(
    large: Path, tmp_path: Path, command: list[str], name: str, since: float
) -> None:
    began = time.monotonic()
    segpack = [sys.executable, "-m", "converter", command[0], str(large), str(tmp_path / name), *command[1:], "--quiet"]
    run = subprocess.Popen(["sh", "-c", 'ulimit -n 256; exec "$@"', "sh", *segpack], stderr=subprocess.PIPE)
    seen: list[float] = []
    while run.poll() is None:
        seen.append(memory(run.pid))
        time.sleep(0.5)
    seconds = time.monotonic() - began
    assert run.stderr is not None
    assert run.returncode == 0, run.stderr.read().decode()
    run.stderr.close()
    rest = seen[int(since * len(seen)) :]
    print(
        f"{command}: {seconds:.0f} s, at most {max(seen):.0f} MB, {rest[0]:.0f} MB at {since:.0%}, {rest[-2]:.0f} late"
    )
    assert max(rest) - rest[0] < 0.15 * max(seen) + 30
    assert max(seen) < 150 + IMAGES * 0.01
