"""What tests share: the command as a user runs it, fixtures as data, datasets as plain values."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from numpy.typing import NDArray
from PIL import Image

import converter
from converter.api import Dataset, DatasetInstance, DatasetSample
from converter.cli.app import run as command_line
from converter.errors import SourceError
from converter.formats import all_formats
from converter.geometry import rle
from converter.model import Box, Marks

ROOT = Path(__file__).resolve().parents[1]
FIXTURES = ROOT / "fixtures"
CORE = ("coco", "instance-png", "semantic-png", "yolo", "yolo-seg")

# ---------------------------------------------------------------- the command


@dataclass(frozen=True)
class Run:
    """A finished command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON object on stdout."""
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """The one line of the error; anything else on stderr but notes and losses fails."""
        lines = self.err.splitlines()
        errors = [line for line in lines if line.startswith("error: ")]
        assert len(errors) == 1, self.err
        assert "Traceback" not in self.err
        return errors[0]


def segpack(
    *arguments: object, cwd: Path | None = None, check: int | None = 0, env: Mapping[str, str] | None = None
) -> Run:
    """Run segpack in a process of its own; fails unless it ends with the code `check`."""
    done = subprocess.run(
        [sys.executable, "-m", "converter", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    run = Run(done.returncode, done.stdout, done.stderr)
    assert check is None or run.code == check, f"exit {run.code} of {arguments}\n{run.out}\n{run.err}"
    return run


def segpack_here(capfd: pytest.CaptureFixture[str], *arguments: object) -> Run:
    """Run segpack's command line in this process, which takes a fraction of the time: for the many alike."""
    capfd.readouterr()
    code = command_line([str(a) for a in arguments])
    return Run(code, *capfd.readouterr())


def cpu_seconds(arguments: list[str]) -> float:
    """User and system time that a command takes, with its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(arguments, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def refusal(problem: str, file: str, read: Callable[..., object], *arguments: object, **options: object) -> SourceError:
    """The error with which `read` refuses its arguments; it has to match the problem and name the file."""
    with pytest.raises(SourceError, match=problem) as caught:
        read(*arguments, **options)
    assert caught.value.file == file
    return caught.value


# ---------------------------------------------------------------- fixtures


@dataclass(frozen=True)
class Case:
    """A folder of fixtures/<format>/valid, with the options that it needs."""

    format: str
    name: str

    @property
    def path(self) -> Path:
        return FIXTURES / self.format / "valid" / self.name

    @property
    def options(self) -> dict[str, Any]:
        """As keywords of the Python API; a file named beside the images is found there."""
        return self.options_for(self.path)

    def options_for(self, copy: Path) -> dict[str, Any]:
        """As `options`, with the files of a copy of the folder."""
        file = self.path.with_name(f"{self.name}.options.json")
        found: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
        return {key: str(copy / v) if (copy / v).is_file() else v for key, v in found.items()}

    @property
    def arguments(self) -> list[str]:
        """As options of the command line."""
        return flags(self.options)

    def __str__(self) -> str:
        return f"{self.format}-{self.name}"


def flags(options: Mapping[str, str]) -> list[str]:
    """Keywords of the Python API as options of the command line."""
    names = {"format": "from"}
    return [word for key, v in options.items() for word in (f"--{names.get(key, key).replace('_', '-')}", v)]


def valid_cases(*formats: str) -> list[Case]:
    """Every valid case of the formats, of all that can be read when none is named."""
    names = formats or tuple(f.name for f in all_formats().values() if f.reads)
    found = []
    for name in names:
        folder = FIXTURES / name / "valid"
        cases = sorted(p.name for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []
        found += [Case(name, case) for case in cases]
    return found


def written_formats() -> list[str]:
    """Formats that are read and written and have fixtures; that all have is a test of its own."""
    return [f.name for f in all_formats().values() if f.reads and f.writes and valid_cases(f.name)]


def save(path: Path, pixels: NDArray[Any], **options: Any) -> None:
    """An image file of these pixels, in folders that need not be there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)


def zipped(folder: Path, target: Path, below: str = "") -> Path:
    """A ZIP of a folder, its files below `below`."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, below + file.relative_to(folder).as_posix())
    return target


def tree(folder: Path) -> dict[str, str]:
    """Checksum of every file below a folder, hidden ones too."""
    files = (p for p in sorted(folder.rglob("*")) if p.is_file())
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


# ---------------------------------------------------------------- datasets as values


def model(dataset: Dataset) -> dict[str, Any]:
    """A dataset as it is read, small enough to be looked at: masks by checksum, area and box."""
    return {
        "task": dataset.task,
        "classes": [{"id": c.id, "name": c.name} for c in dataset.classes],
        "splits": list(dataset.splits),
        "images": [_image(sample) for sample in dataset],
    }


def _image(sample: DatasetSample) -> dict[str, Any]:
    image = sample.image
    found: dict[str, Any] = {
        "name": image.name,
        "split": image.split,
        "size": [image.width, image.height],
        "instances": [_instance(i) for i in sample.instances],
    }
    if sample.labels is not None:
        labels = sample.labels
        found["pixels"] = {str(v): n for v, n in sorted(Counter(labels.ravel().tolist()).items())}
        found["labels"] = hashlib.sha256(labels.astype("<u2").tobytes()).hexdigest()[:16]
    return found


def _instance(instance: DatasetInstance) -> dict[str, Any]:
    found: dict[str, Any] = {"class": instance.class_name}
    if instance.iscrowd:
        found["crowd"] = True
    if isinstance(instance.shape, Box):
        return found | {"shape": "box", "box": [round(v, 3) + 0.0 for v in instance.box]}
    if isinstance(instance.shape, Marks):
        return found | {"shape": instance.shape.kind, "points": [round(v, 3) + 0.0 for v in instance.shape.points]}
    mask = instance.mask()
    code = hashlib.sha256(rle.encode(mask).counts).hexdigest()[:16]
    return found | {"area": int(mask.sum()), "box": list(instance.box), "mask": code}


def read(path: Path, **options: Any) -> dict[str, Any]:
    """The dataset at a path as a plain value."""
    return model(converter.open(path, **options))


def instances(found: Mapping[str, Any]) -> dict[str, Counter[str]]:
    """What is drawn on each image, without order."""
    return {
        f"{image['split'] or ''}/{image['name']}": Counter(json.dumps(i, sort_keys=True) for i in image["instances"])
        for image in found["images"]
    }


def codes(losses: Iterable[Mapping[str, Any]]) -> set[str]:
    """The codes of losses or notes in the output of --json."""
    return {str(x["code"]) for x in losses}
