"""The heavy middle and what joins it: every image is loaded, lowered and encoded, in order."""

from __future__ import annotations

import hashlib
import posixpath
from collections import Counter
from collections.abc import Sequence

import msgspec

from converter import engine
from converter.errors import LossError, SourceError, UsageError
from converter.format import Encoded, Format, Record, Writing
from converter.layouts.images import shown_name
from converter.ledger import Ledger
from converter.lower import BOX_DROPPED, Lowering, lower
from converter.model import Header, Image, Loss, Marks, Note, Ref, Sample
from converter.pipeline.opening import Opened, Progress, load_sample
from converter.storage import FolderWriter, Target
from converter.storage.names import portable_problems
from converter.transforms import classes as class_files

__all__ = ["Outcome", "Output", "check_paths", "stems_in_two", "write"]


class Output(msgspec.Struct, frozen=True):
    """One encoding of the output. The first is the primary one; the others are made from it."""

    format: Format
    lowering: Lowering
    writing: Writing


class Outcome(msgspec.Struct):
    """What a run wrote and what it cost; `drawn` counts images on which anything is drawn."""

    images: int = 0
    instances: int = 0
    drawn: int = 0
    losses: list[Loss] = []
    notes: list[Note] = []
    fingerprints: dict[str, bytes] = {}


class _Done(msgspec.Struct, frozen=True):
    """One image, as a worker hands it back; `files` is empty when the worker wrote them itself."""

    losses: list[Loss]
    notes: list[Note]
    image: Image | None = None
    files: list[tuple[str, bytes]] = []
    encoded: list[Encoded] = []
    image_sha256: str = ""
    instances: int = 0
    drawn: bool = False
    fingerprint: bytes = b""


class _Work(msgspec.Struct, frozen=True):
    """What a worker does with one ref; sent to each worker once."""

    opened: Opened
    header: Header
    mapping: dict[int, int | None] | None
    outputs: tuple[Output, ...]
    writer: FolderWriter | None
    prints: bool

    def __call__(self, ref: Ref) -> _Done:
        ledger = Ledger(self.opened.reading.on_error)
        loaded = load_sample(self.opened.format, self.opened.reading, self.opened.scan.header, ref, ledger)
        if loaded is None:
            return _Done(ledger.losses, ledger.notes)
        sample, data = loaded
        if self.mapping is not None:
            sample = class_files.apply(sample, self.mapping, self.header.background_id, ledger)
        base = lower(sample, self.outputs[0].lowering, ledger)
        later = [_encode(output, lower(base, output.lowering, ledger)) for output in self.outputs[1:]]
        encoded = [_encode(self.outputs[0], base), *later]
        files = [file for e in encoded for file in e.files]
        sha256 = hashlib.sha256(data).hexdigest() if data is not None else ""
        return self._hand_over(sample.image, base, encoded, files, data, sha256, ledger)

    def _hand_over(
        self,
        image: Image,
        base: Sample,
        encoded: list[Encoded],
        files: list[tuple[str, bytes]],
        data: bytes | None,
        sha256: str,
        ledger: Ledger,
    ) -> _Done:
        if self.writer is not None:
            for path, content in files:
                self.writer.write(path, content)
            if data is not None and self.outputs[0].writing.options.image_files == "copy":
                self.writer.write(image_target(self.outputs[0], image), data)
            files = []
        return _Done(
            ledger.losses,
            ledger.notes,
            image,
            files,
            [msgspec.structs.replace(e, files=[]) for e in encoded],
            sha256,
            len(base.instances),
            bool(base.instances) or _paints(base, self.outputs[0]),
            fingerprint(base) if self.prints else b"",
        )


def _encode(output: Output, sample: Sample) -> Encoded:
    assert output.format.encode is not None
    return output.format.encode(output.writing, sample)


def _paints(sample: Sample, output: Output) -> bool:
    """Whether a semantic sample holds anything but background."""
    return sample.labels is not None and bool((sample.labels != output.lowering.fill).any())


def image_target(output: Output, image: Image) -> str:
    assert output.format.image_path is not None
    return output.format.image_path(output.writing, image)


def fingerprint(sample: Sample) -> bytes:
    """A digest of everything drawn on an image, to be compared with what is read back."""
    from converter.geometry import shapes  # noqa: PLC0415 -- workers only

    digest = hashlib.sha256()
    if sample.labels is not None:
        digest.update(str(sample.labels.shape).encode() + sample.labels.astype("<u2").tobytes())
        return digest.digest()
    for instance in sample.instances:
        if isinstance(instance.shape, Marks):
            digest.update(repr(instance.shape).encode())
            continue
        mask = shapes.mask_of(instance.shape, sample.image.height, sample.image.width)
        digest.update(b"%d %d %d " % (instance.class_id, instance.iscrowd, len(mask.counts)) + mask.counts)
    return digest.digest()


# ---------------------------------------------------------------- before


def stems_in_two(refs: Sequence[Ref]) -> frozenset[tuple[str | None, str]]:
    """(split, name without extension) that more than one image has."""
    found = Counter((r.image.split, posixpath.splitext(r.image.name)[0]) for r in refs)
    return frozenset(key for key, n in found.items() if n > 1)


def check_paths(outputs: Sequence[Output], refs: Sequence[Ref], source: str) -> None:
    """No two images may be written to one path, nor to paths that are one on some systems."""
    images: dict[str, Image] = {}
    paths: dict[str, str] = {}
    for output in outputs:
        for make in (output.format.image_path, output.format.label_path):
            if make is None:
                continue
            mine: dict[str, str] = {}
            for ref in refs:
                path = make(output.writing, ref.image)
                name = shown_name(ref.image)
                images[name] = ref.image
                if path in mine:
                    raise SourceError(
                        source,
                        f"the images {mine[path]} and {name} would share {path} in {output.format.name}",
                        remedy="rename one of them",
                    )
                mine[path] = name
            paths |= mine
    for problem, names in portable_problems(paths):
        shown = " and ".join(dict.fromkeys(paths[n] for n in names))
        raise SourceError(source, f"{shown}: {problem}", remedy="rename the image")


# ---------------------------------------------------------------- the run


def write(
    opened: Opened,
    header: Header,
    mapping: dict[int, int | None] | None,
    outputs: Sequence[Output],
    target: Target,
    *,
    workers: int,
    progress: Progress,
    strict: bool,
    prints: bool = False,
) -> Outcome:
    """Write all outputs of a dataset into `target` (not yet committed) and say what it cost.

    `prints`: take a digest of what is drawn on each image, to compare with what is read back.

    Raises UsageError when only boxes came to a format of masks, LossError for losses under `strict`.
    """
    refs = opened.scan.refs
    outcome = Outcome(losses=list(opened.ledger.losses), notes=list(opened.ledger.notes), fingerprints={})
    assemblers = [o.format.assemble(o.writing, target) for o in outputs if o.format.assemble is not None]
    work = _Work(opened, header, mapping, tuple(outputs), target.writer(), prints)
    numbers = _ImageNumbers(opened)
    counters = [_InstanceNumbers(opened) for _ in assemblers]
    done: _Done
    for done in progress("convert", len(refs), engine.run(work, refs, workers=workers)):
        outcome.losses += done.losses
        outcome.notes += done.notes
        if strict and done.losses:
            raise _strict(done.losses)
        if done.image is None:
            continue
        _put(opened, outputs[0], done, done.image, target)
        image_id = numbers.take(done.image)
        path = image_target(outputs[0], done.image)
        for assembler, counter, encoded in zip(assemblers, counters, done.encoded, strict=True):
            ids = counter.take(encoded.ids)
            assembler.add(Record(done.image, image_id, ids, encoded.record, path, done.image_sha256))
        outcome.images += 1
        outcome.instances += done.instances
        outcome.drawn += done.drawn
        if prints:
            outcome.fingerprints[shown_name(done.image)] = done.fingerprint
    if strict and outcome.losses:
        raise _strict(outcome.losses)
    _refuse_boxes_only(opened, outcome, outputs[0])
    for assembler in assemblers:
        assembler.finish()
    return outcome


def _strict(losses: Sequence[Loss]) -> LossError:
    first, more = losses[0], len(losses) - 1
    where = f"{first.image}: " if first.image else ""
    rest = f", and {more} more" if more else ""
    return LossError(f"{where}{first.message} ({first.code}){rest}; nothing was written, as --strict allows no loss")


def _put(opened: Opened, output: Output, done: _Done, image: Image, target: Target) -> None:
    """The files of one image that no worker has written: masks into a ZIP, images copied or linked."""
    how = output.writing.options.image_files
    for path, content in done.files:
        target.write(path, content)
    if image.file is None or how == "none" or (how == "copy" and target.writer() is not None):
        return
    target.copy(image_target(output, image), opened.reading.images, image.file, how)


def _refuse_boxes_only(opened: Opened, outcome: Outcome, output: Output) -> None:
    """A dataset of boxes is not turned into a dataset of nothing."""
    boxes = sum(loss.code == BOX_DROPPED for loss in outcome.losses)
    if boxes and not outcome.drawn:
        raise UsageError(
            f"{opened.reading.source.name}: its {boxes} objects are boxes, and {output.format.name} holds masks; "
            "fill them with --boxes-as-masks"
        )


class _ImageNumbers:
    """Final image ids: those of the source where every image has one of its own, else 1, 2, 3, ..."""

    def __init__(self, opened: Opened) -> None:
        ids = [r.image.id for r in opened.scan.refs]
        self.keep = None not in ids and len(set(ids)) == len(ids)
        self.next = 1

    def take(self, image: Image) -> int:
        number = self.next
        self.next += 1
        return image.id if self.keep and image.id is not None else number


class _InstanceNumbers:
    """Final instance ids: those of the source where they are unique over the dataset, else 1, 2, 3, ..."""

    def __init__(self, opened: Opened) -> None:
        self.keep = opened.scan.ids_kept
        self.next = 1

    def take(self, ids: Sequence[int | None]) -> list[int]:
        first = self.next
        self.next += len(ids)
        kept = [i for i in ids if i is not None]
        return kept if self.keep and len(kept) == len(ids) else list(range(first, self.next))
