"""The heavy middle and what joins it: every image is loaded, lowered and encoded, in order."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial

import msgspec

from converter import engine, stopwatch
from converter.errors import LossError, SourceError, UsageError
from converter.format import Encoded, Format, Record, Writing
from converter.ledger import Ledger, OnError
from converter.lower import BOX_DROPPED, CROWD_DROPPED, REDUCED, Lowering, lower
from converter.model import Image, Loss, Marks, Note, Sample
from converter.package.tree import PackageAssembler
from converter.pipeline.drawing import Drawn, draw
from converter.pipeline.numbering import ImageNumbers, InstanceNumbers
from converter.pipeline.opening import Progress
from converter.pipeline.plan import Item, Job, Plan
from converter.records import Records
from converter.release import VERSION
from converter.storage import FolderWriter, Target
from converter.storage.names import portable_problems, surely_portable

__all__ = ["Outcome", "Output", "check_paths", "write"]


class Output(msgspec.Struct, frozen=True):
    """One encoding of the output. The first is the primary one; the others are made from it."""

    format: Format
    lowering: Lowering
    writing: Writing


class Outcome(msgspec.Struct):
    """What a run wrote and what it cost; `drawn` counts images on which anything is drawn."""

    losses: Records[Loss]
    notes: Records[Note]
    images: int = 0
    instances: int = 0
    drawn: int = 0
    fingerprints: dict[str, bytes] = {}


class _Page(msgspec.Struct, frozen=True):
    """One image of the output; `files` is empty when the worker wrote them itself.

    `copied`: its file is the source's, byte for byte.
    """

    image: Image
    files: list[tuple[str, bytes]]
    encoded: list[Encoded]
    image_sha256: str
    instances: int
    drawn: bool
    fingerprint: bytes
    copied: bool


class _Done(msgspec.Struct, frozen=True):
    """What a worker hands back of one image of the source: the image, its tiles, or nothing."""

    losses: list[Loss]
    notes: list[Note]
    part: int
    pages: list[_Page]

    def without_files(self) -> _Done:
        return msgspec.structs.replace(self, pages=[msgspec.structs.replace(p, files=[]) for p in self.pages])


class _Work(msgspec.Struct, frozen=True):
    """What a worker does with one item; sent to each worker once."""

    plan: Plan
    outputs: tuple[Output, ...]
    writer: FolderWriter | None
    prints: bool

    def __call__(self, item: Item) -> _Done:
        ledger = Ledger(self.plan.ledger.on_error)
        with stopwatch.stage("load"):
            drawn = draw(self.plan, item, self.outputs[0].lowering, ledger)
        pages = [self._page(each, ledger) for each in drawn]
        return _Done(ledger.losses, ledger.notes, item.part, pages)

    def _page(self, drawn: Drawn, ledger: Ledger) -> _Page:
        primary, sample = self.outputs[0], drawn.sample
        with stopwatch.stage("lower"):
            base = lower(sample, primary.lowering, ledger)
            beside = [_lower_beside(base, output, ledger) for output in self.outputs[1:]]
        with stopwatch.stage("encode"):
            encoded = [_encode(o, s) for o, s in zip(self.outputs, (base, *beside), strict=True)]
        files = [file for e in encoded for file in e.files]
        wanted = primary.writing.options.image_files
        if drawn.data is not None and drawn.new and wanted != "none":
            files.append((image_target(primary, sample.image), drawn.data))
        if self.writer is not None:
            if drawn.data is not None and not drawn.new and wanted == "copy":
                files.append((image_target(primary, sample.image), drawn.data))
            engine.announce([path for path, _ in files])
            with stopwatch.stage("write"):
                for path, content in files:
                    self.writer.write(path, content)
            files = []
        return _Page(
            sample.image,
            files,
            [msgspec.structs.replace(e, files=[]) for e in encoded],
            hashlib.sha256(drawn.data).hexdigest() if drawn.data is not None else "",
            len(base.instances),
            bool(base.instances) or _paints(base, primary),
            fingerprint(base) if self.prints else b"",
            copied=not drawn.new,
        )

    def clear(self, paths: list[str]) -> None:
        """Take away what a worker that died had begun to write."""
        assert self.writer is not None
        for path in paths:
            self.writer.remove(path)


def _lower_beside(base: Sample, output: Output, ledger: Ledger) -> Sample:
    """The sample for an encoding beside the primary one.

    That it draws objects with less is no loss, as the primary one has them whole; that it leaves one out is.
    """
    own = Ledger(ledger.on_error)
    sample = lower(base, output.lowering, own)
    for loss in own.losses:
        if loss.code in REDUCED:
            ledger.note(loss.code, f"{output.writing.prefix}{loss.image}", loss.message)
        else:
            ledger.losses.append(loss)
    ledger.notes += own.notes
    return sample


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
    from converter.geometry import labelmap, shapes  # noqa: PLC0415 -- workers only

    digest = hashlib.sha256()
    if sample.labels is not None:
        values, lengths = labelmap.stretches(sample.labels)  # of far fewer bytes than the pixels, and as telling
        digest.update(str(sample.labels.shape).encode() + values.astype("<u2").tobytes() + lengths.tobytes())
        return digest.digest()
    for instance in sample.instances:
        if isinstance(instance.shape, Marks):
            digest.update(repr(instance.shape).encode())
            continue
        mask = shapes.mask_of(instance.shape, sample.image.height, sample.image.width)
        digest.update(b"%d %d %d " % (instance.class_id, instance.iscrowd, len(mask.counts)) + mask.counts)
    return digest.digest()


# ---------------------------------------------------------------- before


def check_paths(outputs: Sequence[Output], written: Sequence[Image], source: str) -> None:
    """No two images may be written to one path, nor to paths that are one on some systems."""
    makers = [
        (output.format.name, partial(make, output.writing))
        for output in outputs
        for make in (output.format.image_path, output.format.label_path)
        if make is not None
    ]
    if surely_portable(map(make, written) for _, make in makers):
        return
    paths: dict[str, str] = {}
    for format, make in makers:
        mine: dict[str, Image] = {}
        for image in written:
            path = make(image)
            if path in mine:
                raise _sharing(mine[path], image, f"{path} in {format}", source)
            mine[path] = image
        paths |= {path: image.path for path, image in mine.items()}
    for problem, names in portable_problems(paths):
        shown = " and ".join(dict.fromkeys(paths[n] for n in names))
        raise SourceError(source, f"{shown}: {problem}", remedy="rename the image")


def _sharing(one: Image, other: Image, path: str, source: str) -> SourceError:
    """Two images would be written to one path: for their names, or as they are one and the same."""
    name = other.path
    if one.path != name:
        problem = f"the images {one.path} and {name} would share {path}"
        return SourceError(source, problem, remedy="rename one of them")
    ids = f" (ids {one.id} and {other.id})" if one.id is not None and other.id is not None else ""
    remedy = "list it once, with all that is drawn on it"
    return SourceError(source, f"the image {name} is listed twice{ids}", remedy=remedy)


# ---------------------------------------------------------------- the run


def write(
    plan: Plan,
    outputs: Sequence[Output],
    target: Target,
    job: Job,
    *,
    progress: Progress,
    prints: bool = False,
) -> Outcome:
    """Write all outputs of a dataset into `target` (not yet committed) and say what it cost.

    `prints`: take a digest of what is drawn on each image, to compare with what is read back.

    Raises UsageError when only boxes came to a format of masks, LossError for losses under --strict.
    """
    outcome = Outcome(Records(plan.ledger.losses), Records(plan.ledger.notes))
    assemblers = [o.format.assemble(o.writing, target) for o in outputs if o.format.assemble is not None]
    work = _Work(plan, tuple(outputs), target.writer(), prints)
    numbers = ImageNumbers(plan)
    counters = [InstanceNumbers(plan) for _ in assemblers]
    twins = _Twins(plan)
    for new, done in progress("convert", len(plan.items), _all_done(plan, outputs, work, target, job)):
        outcome.losses.extend(done.losses)
        outcome.notes.extend(done.notes)
        if job.strict and outcome.losses:
            raise _strict(outcome.losses)
        for page in done.pages:
            if new:
                with stopwatch.stage("write"):
                    _put(plan, outputs[0], done.part, page, target)
            image_id = numbers.take(page.image)
            path = image_target(outputs[0], page.image)
            for assembler, counter, encoded in zip(assemblers, counters, page.encoded, strict=True):
                ids = counter.take(encoded.ids)
                assembler.add(Record(page.image, image_id, ids, encoded.record, path, page.image_sha256))
            outcome.images += 1
            outcome.instances += page.instances
            outcome.drawn += page.drawn
            outcome.notes.extend(twins.seen(page, done.part))
            if prints:
                outcome.fingerprints[page.image.path] = page.fingerprint
        if new and target.journal is not None:
            target.journal.add((target.mark(), done.without_files()))
    for part in plan.parts:
        part.opened.check_unchanged()
    if job.strict and outcome.losses:
        raise _strict(outcome.losses)
    _refuse_nothing(plan, outcome)
    _refuse_boxes_only(plan, outcome, outputs[0])
    if not outcome.drawn and not outputs[0].writing.header.classes:
        message = "it has no classes, and nothing is drawn on its images; are these the annotations that are meant?"
        outcome.notes.extend([Note("nothing-drawn", plan.name, message)])
    for assembler in assemblers:
        if isinstance(assembler, PackageAssembler):
            assembler.losses = dict(sorted(Counter(loss.code for loss in outcome.losses).items()))
        with stopwatch.stage("write"):
            assembler.finish()
    return outcome


def _all_done(
    plan: Plan, outputs: Sequence[Output], work: _Work, target: Target, job: Job
) -> Iterator[tuple[bool, _Done]]:
    """What every item became, in order, and whether it is new: what an earlier run has journaled is not."""
    begun = mark = 0
    if target.journal is not None:
        for at, done in target.journal.replay(_key(plan, outputs, job)):
            begun, mark = begun + 1, at
            yield False, done
        target.rewind(mark)
        work = msgspec.structs.replace(work, writer=target.writer())
    give_up = _GiveUp(plan, job.on_error)
    items = plan.items[begun:] if begun else plan.items
    for done in engine.run(work, items, workers=job.workers, guard=job.guard, lost=give_up, clear=work.clear):
        yield True, done


def _key(plan: Plan, outputs: Sequence[Output], job: Job) -> bytes:
    """A digest of what is converted and how: with another, nothing of an earlier run can be used."""
    how = (job.sources, job.format, job.write, job.on_error, job.steps, job.tags, VERSION)
    digest = hashlib.sha256(repr((how, [(o.format.name, o.writing, o.lowering) for o in outputs])).encode())
    for part in plan.parts:
        digest.update(b"".join(stamps.tobytes() for _, stamps in part.opened.watched))
        digest.update(repr(part.mapping).encode())
    return digest.digest()


class _GiveUp(msgspec.Struct, frozen=True):
    """What stands for an item whose worker died: a loss, or the error that ends the run."""

    plan: Plan
    on_error: OnError

    def __call__(self, item: Item, reason: str) -> _Done:
        reading = self.plan.parts[item.part].opened.reading
        image = item.ref.image
        file = reading.images.label(image.file) if image.file else f"{reading.source.name}: {image.path}"
        ledger = Ledger(self.on_error)
        ledger.bad_image(image.path, SourceError(file, reason, remedy="leave it out, or raise the limit that it names"))
        return _Done(ledger.losses, [], item.part, [])


def _strict(losses: Sequence[Loss]) -> LossError:
    first, more = losses[0], len(losses) - 1
    where = f"{first.image}: " if first.image else ""
    rest = f", and {more} more" if more else ""
    message = f"{where}{first.message} ({first.code}){rest}; nothing was written, as --strict allows no loss"
    return LossError(message, losses)


def _put(plan: Plan, output: Output, part: int, page: _Page, target: Target) -> None:
    """The files of one image that no worker has written: masks into a ZIP, images copied or linked."""
    how, image = output.writing.options.image_files, page.image
    for path, content in page.files:
        target.write(path, content)
    if not page.copied or image.file is None or how == "none" or (how == "copy" and target.writer() is not None):
        return
    target.copy(image_target(output, image), plan.parts[part].opened.reading.images, image.file, how)


def _refuse_nothing(plan: Plan, outcome: Outcome) -> None:
    """A run that would write no image has not done what was asked, whatever the reasons were."""
    if outcome.images:
        return
    first = f" ({outcome.losses[0].message})" if outcome.losses else ""
    remedy = "say where images lie with --images DIR, or mend the source"
    raise SourceError(plan.name, f"no image of it can be written{first}", remedy=remedy)


def _refuse_boxes_only(plan: Plan, outcome: Outcome, output: Output) -> None:
    """A dataset of boxes is not turned into a dataset of nothing."""
    boxes = sum(loss.code == BOX_DROPPED for loss in outcome.losses)
    crowds = sum(loss.code == CROWD_DROPPED for loss in outcome.losses)
    if boxes and not outcome.drawn:
        objects, keep = f"{boxes} objects are boxes", ""
        if crowds:
            objects, keep = f"{objects} but for {crowds} crowd regions", ", and write the crowds with --crowd keep"
        raise UsageError(
            f"{plan.name}: its {objects}, and {output.format.name} holds masks; fill them with --boxes-as-masks{keep}"
        )


class _Twins:
    """Images of one source that are, byte for byte, those of another: both stay, and it is told."""

    def __init__(self, plan: Plan) -> None:
        self.wanted = len(plan.parts) > 1
        self.first: dict[str, tuple[int, str]] = {}

    def seen(self, page: _Page, part: int) -> list[Note]:
        if not self.wanted or not page.image_sha256:
            return []
        name = page.image.path
        other, twin = self.first.setdefault(page.image_sha256, (part, name))
        return [Note("identical-image", name, f"is byte for byte {twin}")] if other != part else []
