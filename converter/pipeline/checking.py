"""`check`: every question about a dataset, asked in one pass over its files.

Workers look at one image each and hand back findings and a few facts, never pixels; what
concerns the whole set (copies, leaks, classes, shifts) is asked of the facts. Reading does
not stop at a bad record: what a reader refuses becomes a finding at that file and object.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from converter import engine, stopwatch
from converter.checks import alignment, classes, empty, files, geometry, overlaps, package, shift, sources, values
from converter.checks.catalog import CATALOG, finding, in_order
from converter.checks.subject import Facts, Subject, count, subject_of
from converter.codecs import images as codec
from converter.codecs import light, phash
from converter.errors import SourceError, UsageError
from converter.format import ReadOptions
from converter.layouts.images import check_frame, read_image, shown_name
from converter.layouts.pairing import in_mask_folder
from converter.ledger import Ledger, OnError, Refusal, Skipped
from converter.model import Finding, Header, Loss, Note, Ref, Sample
from converter.package import index
from converter.pipeline.agreeing import Package, agreement, open_package
from converter.pipeline.opening import Opened, Progress, open_dataset, silent
from converter.pipeline.sampling import sample as choose
from converter.pipeline.tagging import source_tags
from converter.transforms import classes as class_files

__all__ = ["CheckReport", "Checked", "FailOn", "check", "examine"]

FailOn: TypeAlias = Literal["error", "warning", "never"]
# What takes objects away, so that counts cannot be compared.
COUNTED = frozenset(
    {"missing-mask", "unmapped-class", "unexpected-value", "lossy-mask", "palette-mask", "size-mismatch"}
    | {"unreadable-image", "invalid-polygon", "invalid-rle"}
)
FAILING: dict[str, tuple[str, ...]] = {"error": ("error",), "warning": ("error", "warning"), "never": ("error",)}


class CheckReport(msgspec.Struct, frozen=True):
    """What `segpack check` says. `stopped`: why reading could not go on, "" when it went through.

    `ok`: no finding at the fail level (with `never`: no error). `counts` are findings by code.
    `sources` compares the sets that a merged dataset is made of, when it has more than one;
    `source_differences` says in a line what they differ in most.
    """

    ok: bool
    source: str
    format: str
    task: str
    images_checked: int
    images_total: int
    findings: list[Finding]
    counts: dict[str, int]
    stopped: str = ""
    sources: list[sources.SourceStats] = []
    source_differences: str = ""


class Checked(msgspec.Struct, frozen=True):
    """A report with what it was made from, for those who want to show more of it.

    `facts` are those of the images checked, in order; `header` has the classes after a class
    file. `opened` is None when the dataset could not be opened.
    """

    report: CheckReport
    facts: list[Facts] = []
    header: Header | None = None
    opened: Opened | None = None
    notes: list[Note] = []


def check(
    path: str,
    *,
    format: str | None = None,
    options: ReadOptions | None = None,
    sample: int | None = None,
    seed: int = 0,
    fail_on: FailOn = "error",
    on_error: OnError = "skip",
    workers: int = 1,
    progress: Progress = silent,
) -> CheckReport:
    """Ask everything of the dataset at `path`, or of a sample of `sample` images."""
    return examine(
        path,
        format=format,
        options=options,
        sample=sample,
        seed=seed,
        fail_on=fail_on,
        on_error=on_error,
        workers=workers,
        progress=progress,
    ).report


def examine(
    path: str,
    *,
    format: str | None = None,
    options: ReadOptions | None = None,
    sample: int | None = None,
    seed: int = 0,
    fail_on: FailOn = "error",
    on_error: OnError = "skip",
    workers: int = 1,
    progress: Progress = silent,
) -> Checked:
    """As `check`, with the facts.

    Raises SourceError for a source that is no dataset at all; a dataset whose classes or
    package files are broken gives a report that says how far reading went.
    """
    if sample is not None and sample < 1:
        raise UsageError(f"--sample {sample} is no number of images; give 1 or more")
    options = options or ReadOptions()
    lenient = on_error == "skip"
    guard = engine.Guard(always=lenient)
    try:
        opened = open_dataset(
            path, format=format, options=options, on_error=on_error, workers=workers, guard=guard, progress=progress
        )
        header, mapping = _classes(opened)
        packed = open_package(opened.reading, header) if mapping is None else None
    except SourceError as error:
        if error.code not in CATALOG or on_error == "stop":
            raise
        return _stopped(path, error, fail_on)
    chosen = choose(opened.scan.refs, sample, seed)
    aligned = frozenset(shown_name(r.image) for r in choose(chosen, shift.IMAGES, seed))
    work = _Look(opened, header, mapping, aligned, packed, _refused_in_scan(opened), source_tags(opened))
    looking = engine.run(work, chosen, workers=workers, guard=guard, lost=work.lost_with if lenient else None)
    facts: list[Facts] = list(progress("check", len(chosen), looking))
    refused = [r for r in opened.ledger.refusals if r.whole]
    whole = len(chosen) == len(opened.scan.refs) and not refused
    found = [
        *_refused(opened, header, workers),
        *_orphans(opened),
        *(f for each in facts for f in each.findings),
    ]
    found += _of_the_set(facts, header, packed, found, whole=whole)
    report = _report(path, opened, header, found, len(chosen), len(refused), fail_on)
    mixed = sources.summaries(facts)
    report = msgspec.structs.replace(report, sources=mixed, source_differences=sources.differences(mixed))
    return Checked(report, facts, header, opened, opened.ledger.notes)


def _classes(opened: Opened) -> tuple[Header, class_files.ClassMap | None]:
    """The header after the class file of the user, and where each class goes."""
    table = opened.reading.options.classes
    header = opened.scan.header
    return class_files.plan(header, table) if table is not None else (header, None)


def _refused_in_scan(opened: Opened) -> dict[str, set[int]]:
    lost: dict[str, set[int]] = defaultdict(set)
    for each in opened.ledger.refusals:
        if each.instance is not None:
            lost[each.image].add(each.instance)
    return dict(lost)


# ---------------------------------------------------------------- one image, in a worker


class _Look(msgspec.Struct, frozen=True):
    """Reads an image and its annotations once, and asks what can be asked of one image.

    `aligned` are the images that the search for shifts looks at; `lost` the objects by image
    that scanning has refused; `tags` the source of each image, when there is more than one.
    """

    opened: Opened
    header: Header
    mapping: class_files.ClassMap | None
    aligned: frozenset[str]
    packed: Package | None
    lost: dict[str, set[int]]
    tags: dict[str, str]

    def __call__(self, ref: Ref) -> Facts:
        with stopwatch.stage("check"):
            return self._see(ref)

    def lost_with(self, ref: Ref, reason: str) -> Facts:
        """What stands for an image that no process survives."""
        image, name = ref.image, shown_name(ref.image)
        file = self.opened.reading.images.label(image.file) if image.file else ""
        found = finding("unreadable-image", f"the image {reason}", image=name, file=file)
        return Facts(name, image.split, file, image.width, image.height, image.orientation, findings=[found])

    def _see(self, ref: Ref) -> Facts:
        reading, image, name = self.opened.reading, ref.image, shown_name(ref.image)
        stop = reading.on_error == "stop"
        findings: list[Finding] = []
        file = reading.images.label(image.file) if image.file else ""
        info, data = None, None
        try:
            with stopwatch.stage("load"):
                info, data = read_image(reading, image)
            if info is not None and self.packed is not None:  # the index said the size, and is judged by the file
                image = msgspec.structs.replace(image, width=info.width, height=info.height)
            if info is not None:
                check_frame(file, image, info)
        except SourceError as error:
            if stop:
                raise
            if not image.file:
                error.file = image.name
            findings.append(_of_error(error, name, "unreadable-image"))
        fits = not findings
        if info is not None and (fits or not image.width):
            image = msgspec.structs.replace(image, width=info.width, height=info.height)
        if info is not None:
            image = msgspec.structs.replace(image, orientation=info.orientation)
        facts = Facts(name, image.split, file, image.width, image.height, image.orientation)
        facts = msgspec.structs.replace(facts, source=self.tags.get(name, ""))
        if fits:
            findings += alignment.turned(image, name, file)
        if data is not None:
            look, seen = _look(data, file, measured=bool(self.tags))
            facts = msgspec.structs.replace(facts, sha256=hashlib.sha256(data).hexdigest(), look=look, light=seen)
        if not image.width or not image.height:
            return msgspec.structs.replace(facts, findings=findings)
        ledger = Ledger(reading.on_error)
        sized = msgspec.structs.replace(ref, image=image)
        sample = self._load(sized, ledger, findings, name)
        findings += [_of_refusal(explained(self.opened, r, _known(self.header))) for r in ledger.refusals]
        findings += self._checksums(name, facts.sha256)
        if sample is None:
            return msgspec.structs.replace(facts, findings=findings)
        return self._ask(sized, sample, ledger, facts, findings, data if fits else None)

    def _load(self, ref: Ref, ledger: Ledger, findings: list[Finding], name: str) -> Sample | None:
        load = self.opened.format.load
        assert load is not None
        try:
            with stopwatch.stage("load"):
                sample = load(self.opened.reading, self.opened.scan.header, ref, ledger)
        except Skipped:
            return None
        except SourceError as error:
            if ledger.on_error == "stop":
                raise
            findings.append(_of_error(error, name, "invalid-polygon"))
            return None
        if self.mapping is not None:
            sample = class_files.apply(sample, self.mapping, self.header.background_id, ledger)
        return sample

    def _ask(
        self, ref: Ref, sample: Sample, ledger: Ledger, facts: Facts, findings: list[Finding], data: bytes | None
    ) -> Facts:
        """The questions of one image."""
        where, told, refused = self._places(ref, sample, ledger)
        subject, broken = subject_of(sample, self.header, where, told)
        findings += broken
        for check in (alignment.check, geometry.check, overlaps.check):
            findings += check(subject)
        findings += empty.check(subject, len(refused) + len(broken) + len(self.lost.get(subject.name, ())))
        for file in dict.fromkeys(where):
            findings += values.by_name(file, subject.name)
        findings += self._package(ref, sample, subject, refused)
        per_class, pixels, areas = count(subject)
        edges = shift.boundary_of(subject) if data is not None and subject.name in self.aligned else None
        return msgspec.structs.replace(
            facts,
            instances=len(sample.instances),
            crowds=sum(i.iscrowd for i in sample.instances),
            per_class=per_class,
            pixels=pixels,
            areas=areas,
            values=[] if sample.labels is None else np.unique(sample.labels).tolist(),
            specks=0.0 if sample.labels is None else values.specks(sample.labels),
            mask_file=subject.file,
            findings=findings,
            alignment=_scores(data, facts.file, edges),
        )

    def _places(self, ref: Ref, sample: Sample, ledger: Ledger) -> tuple[list[str], list[int], set[int]]:
        """Files and numbers of the objects that could be read, and the numbers of those that could not."""
        format, refusals = self.opened.format, ledger.refusals
        where = format.files(self.opened.reading, ref) if format.files is not None else []
        refused = {r.instance for r in refusals if r.instance is not None}
        lost = {r.file for r in refusals}
        numbers = [n for n in range(1, len(sample.instances) + len(refused) + 1) if n not in refused]
        if len(where) > 1:
            where = [file for file in where if file not in lost]
        return where, numbers[: len(sample.instances)], refused

    def _checksums(self, name: str, sha256: str) -> list[Finding]:
        if self.packed is None:
            return []
        source = self.opened.reading.source

        def read(path: str) -> bytes | None:
            try:
                return source.read(path) if path in source else None
            except SourceError:
                return None

        return list(package.checksums(name, self.packed.rows.get(name, []), read, sha256))

    def _package(self, ref: Ref, sample: Sample, subject: Subject, refused: set[int]) -> list[Finding]:
        if self.packed is None:
            return []
        refused = refused | self.lost.get(subject.name, set())
        found = list(package.rows(subject, self.packed.rows.get(subject.name, []), refused))
        if not refused:
            found += agreement(self.opened.reading, self.packed, ref, sample)
        return found


def _look(data: bytes, file: str, *, measured: bool) -> tuple[phash.Look | None, light.Light | None]:
    try:
        picture = phash.gray(data, file)
    except SourceError:
        return None, None
    return phash.look_at(picture), light.measure(picture) if measured else None


def _scores(data: bytes | None, file: str, edge: shift.Boundary | None) -> NDArray[Any] | None:
    if data is None or edge is None:
        return None
    try:
        return shift.scores(codec.decode(data, file), edge)
    except SourceError:
        return None


# ---------------------------------------------------------------- what readers refused


def _of_error(error: SourceError, image: str, otherwise: str) -> Finding:
    code = error.code if error.code in CATALOG else otherwise
    if code == "missing-image" and image:
        return finding(code, error.problem, image=image, file=error.file)
    message = f"{error.place}: {error.problem}" if error.place else error.problem
    return finding(code, message, image=image, file=error.file, fix=error.remedy)


def _of_refusal(refusal: Refusal) -> Finding:
    code = refusal.code
    if code not in CATALOG:
        code = "unreadable-image" if refusal.whole else "invalid-polygon"
    message = f"{refusal.place}: {refusal.problem}" if refusal.place else refusal.problem
    return finding(code, message, image=refusal.image, instance=refusal.instance, file=refusal.file, fix=refusal.remedy)


def explained(opened: Opened, refusal: Refusal, known: frozenset[int]) -> Refusal:
    """A refusal for strange values with the code of where they seem to come from."""
    if refusal.code != "unexpected-value":
        return refusal
    source = opened.reading.source
    path = refusal.file.removeprefix(source.label("x")[:-1])
    try:
        labels = codec.read_labels(source.read(path), refusal.file)
    except SourceError:
        return refusal
    if opened.scan.header.task == "instance":
        known = frozenset({0, *_most(labels.array)})
    return msgspec.structs.replace(refusal, code=values.explain(labels, known))


def _most(array: NDArray[Any]) -> list[int]:
    """The commonest value but 0, and 255: what a binary mask may hold."""
    found, counts = np.unique(array[array != 0], return_counts=True)
    return [255, *([int(found[counts.argmax()])] if len(found) else [])]


def _known(header: Header) -> frozenset[int]:
    ids = {c.source_id if c.source_id is not None else c.id for c in header.classes}
    return frozenset(ids | {v for v in (header.background_id, header.ignore_id) if v is not None})


class _Explain(msgspec.Struct, frozen=True):
    opened: Opened
    known: frozenset[int]

    def __call__(self, refusal: Refusal) -> Finding:
        return _of_refusal(explained(self.opened, refusal, self.known))


def _refused(opened: Opened, header: Header, workers: int) -> list[Finding]:
    """What scanning refused or doubted; an image that nothing speaks of may be one without its mask."""
    refusals = [_placed(opened, header, r) for r in opened.ledger.refusals]
    return list(engine.run(_Explain(opened, _known(header)), refusals, workers=workers))


def _placed(opened: Opened, header: Header, refusal: Refusal) -> Refusal:
    if refusal.code != "orphan-image":
        return refusal
    if in_mask_folder(refusal.image):
        return msgspec.structs.replace(refusal, code="orphan-mask", problem="no image belongs to this mask", remedy="")
    folders = {posixpath.dirname(r.image.file) for r in opened.scan.refs if r.image.file}
    beside = posixpath.dirname(refusal.image) in folders
    if header.task == "semantic" and beside and index.INDEX not in opened.reading.source:
        return msgspec.structs.replace(refusal, code="missing-mask", problem="this image has no mask", remedy="")
    return refusal


def _orphans(opened: Opened) -> list[Finding]:
    """Masks and label files that belong to no image, which readers count as losses."""
    return [_orphan(loss) for loss in opened.ledger.losses if loss.code in {"orphan-mask", "orphan-label"}]


def _orphan(loss: Loss) -> Finding:
    file, _, message = loss.message.rpartition(": ")
    return finding("orphan-mask", message or loss.message, image=loss.image, file=file or loss.image)


# ---------------------------------------------------------------- the whole set


def _of_the_set(
    facts: Sequence[Facts], header: Header, packed: Package | None, known: Sequence[Finding], *, whole: bool
) -> list[Finding]:
    """What concerns more than one image; `whole` when no image was left out.

    Objects that could not be read (`known`) are missing in every count: that is told once.
    """
    found = [*files.check(facts), *classes.check(facts, header, whole=whole), *shift.check(facts)]
    found += values.strays(facts, header)
    if packed is not None and whole:
        if not any(f.code in COUNTED for f in known):
            found += package.counts(packed.about, header, facts)
        names = {f.image for f in facts}
        for name in sorted(packed.rows.keys() - names):
            found.append(finding("index-mismatch", "index.csv names an image that is not there", image=name))
    return found


def _report(
    path: str, opened: Opened, header: Header, found: Sequence[Finding], checked: int, refused: int, fail_on: FailOn
) -> CheckReport:
    bare = {f.where.get("image") for f in found if f.code == "missing-mask"}
    kept = [f for f in found if not (f.code == "no-annotations" and f.where.get("image") in bare)]
    findings = in_order(_below(path, f) for f in kept)
    return CheckReport(
        ok=not _fails(findings, fail_on),
        source=path,
        format=opened.format.name,
        task=header.task,
        images_checked=checked + refused,
        images_total=len(opened.scan.refs) + refused,
        findings=findings,
        counts=dict(Counter(f.code for f in findings)),
    )


def _fails(findings: Sequence[Finding], fail_on: FailOn) -> bool:
    return any(f.severity in FAILING[fail_on] for f in findings)


def _below(path: str, found: Finding) -> Finding:
    """The finding with its file as a path below the source, as the user knows it."""
    file = found.where.get("file", "")
    for root in (path.rstrip("/"), os.path.dirname(path)):
        if root and file.startswith(root + "/"):
            return msgspec.structs.replace(found, where={**found.where, "file": file[len(root) + 1 :]})
    return found


def _stopped(path: str, error: SourceError, fail_on: FailOn) -> Checked:
    """A dataset that cannot be read past its head: the one finding, and that the rest is not known."""
    found = [_below(path, _of_error(error, "", error.code))]
    report = CheckReport(
        not _fails(found, fail_on),
        path,
        "",
        "",
        0,
        0,
        found,
        {error.code: 1},
        "reading can go no further than this: no image was checked",
    )
    return Checked(report)
