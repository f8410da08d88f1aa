"""`check`: every question about a dataset, asked in one pass over its files.

Workers look at one image each and hand back findings and a few facts, never pixels; what
concerns the whole set (copies, leaks, classes, shifts) is asked of the facts. Reading does
not stop at a bad record: what a reader refuses becomes a finding at that file and object.
"""

from __future__ import annotations

import functools
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Literal, TypeAlias

import msgspec

from converter import engine
from converter.checks import classes, empty, files, package, shift, sources, values
from converter.checks.catalog import CATALOG, finding, in_order
from converter.checks.subject import Facts
from converter.errors import SourceError, UsageError
from converter.format import ReadOptions
from converter.ledger import OnError
from converter.model import Finding, Header, Note, Ref
from converter.pipeline import refused, split_files
from converter.pipeline.agreeing import Package, of_the_set, open_package
from converter.pipeline.looking import Look
from converter.pipeline.opening import Opened, Progress, open_dataset, silent
from converter.pipeline.sampling import sample as choose
from converter.pipeline.tagging import source_tags

__all__ = ["CheckReport", "Checked", "FailOn", "examine"]

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
    `source_differences` says in a line what they differ in most. `notes` are those of `convert` that
    are no findings: how files were taken where nothing in them says it.
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
    notes: list[Note] = []


class Checked(msgspec.Struct, frozen=True):
    """A report with what it was made from, for those who want to show more of it.

    `facts` are those of the images checked, in order, with their findings in the report alone; `header`
    has the classes after a class file. `opened` is None when the dataset could not be opened.
    """

    report: CheckReport
    facts: list[Facts] = []
    header: Header | None = None
    opened: Opened | None = None
    notes: list[Note] = []


def examine(
    path: str,
    *,
    format: str | None = None,
    options: ReadOptions,
    sample: int | None = None,
    seed: int = 0,
    fail_on: FailOn = "error",
    on_error: OnError = "skip",
    workers: int = 1,
    progress: Progress = silent,
) -> Checked:
    """Ask everything of the dataset at `path`, or of a sample of `sample` images.

    Raises SourceError for a source that is no dataset at all; a dataset whose classes or
    package files are broken gives a report that says how far reading went.
    """
    if sample is not None and sample < 1:
        raise UsageError(f"--sample {sample} is no number of images; give 1 or more")
    lenient = on_error == "skip"
    guard = engine.Guard(always=lenient)
    try:
        opened = open_dataset(
            path, format=format, options=options, on_error=on_error, workers=workers, guard=guard, progress=progress
        )
        header, mapping = opened.classed()
        packed = open_package(opened.reading, header) if mapping is None else None
    except SourceError as error:
        if error.code not in CATALOG or on_error == "stop":
            raise
        return _stopped(path, error, fail_on)
    chosen = choose(opened.scan.refs, sample, seed)
    aligned = choose(chosen, shift.IMAGES, seed)
    glanced, points = shift.glance([ref.image.split for ref in aligned])
    work = Look(
        opened,
        header,
        mapping,
        packed,
        _names(aligned[place] for place in glanced),
        points,
        len({ref.image.split for ref in chosen}) > 1,
        _refused_in_scan(opened),
        source_tags(opened),
    )
    see = functools.partial(engine.run, workers=workers, guard=guard, lost=work.lost_with if lenient else None)
    facts: list[Facts] = []
    seen: list[Finding] = []
    for each in progress("check", len(chosen), see(work, chosen)):
        seen += (_below(path, f) for f in each.findings)
        facts.append(msgspec.structs.replace(each, findings=[]))
    lost = sum(r.whole for r in opened.ledger.refusals)
    whole = len(chosen) == len(opened.scan.refs) and not lost
    found = [_below(path, f) for f in (*refused.of_scan(opened, header, workers), *refused.orphans(opened))] + seen
    found += [_below(path, f) for f in _of_the_set(facts, header, packed, found, whole=whole)]
    used = opened.scan.used if mapping is None else {}
    found += [_below(path, f) for f in values.strays(facts, header, len(opened.scan.refs), used)]
    if packed is not None:
        disagreeing = {f.where.get("image") for f in seen if f.code == split_files.CODE}
        told = (
            f for f in split_files.contradictions(opened.reading, header) if f.where.get("image", "") not in disagreeing
        )
        found += [_below(path, f) for f in told]
    if shift.doubtful(facts):
        closer = msgspec.structs.replace(work, aligned=_names(aligned), points=shift.POINTS)
        found += shift.check(list(see(closer, aligned)))
    report = _report(path, opened, header, _best(found, facts, header), facts, lost, fail_on)
    return Checked(report, facts, header, opened, opened.ledger.notes)


def _names(refs: Iterable[Ref]) -> frozenset[str]:
    return frozenset(ref.image.path for ref in refs)


def _refused_in_scan(opened: Opened) -> dict[str, set[int]]:
    lost: dict[str, set[int]] = defaultdict(set)
    for each in opened.ledger.refusals:
        if each.instance is not None:
            lost[each.image].add(each.instance)
    return dict(lost)


# ---------------------------------------------------------------- the whole set


def _of_the_set(
    facts: Sequence[Facts], header: Header, packed: Package | None, known: Sequence[Finding], *, whole: bool
) -> list[Finding]:
    """What concerns more than one image; `whole` when no image was left out.

    Objects that could not be read (`known`) are missing in every count: that is told once.
    """
    found = [*files.check(facts), *classes.check(facts, header, whole=whole), *empty.bare_boxes(facts)]
    names = {f.image for f in facts}
    if packed is not None:
        found += of_the_set(packed, names, whole=whole)
    if packed is not None and whole:
        if not any(f.code in COUNTED for f in known):
            found += package.counts(packed.about, header, facts)
        for name in sorted(packed.rows.keys() - names):
            found.append(finding("index-mismatch", "index.csv names an image that is not there", image=name))
    return found


def _best(found: Sequence[Finding], facts: Sequence[Facts], header: Header) -> list[Finding]:
    """The findings without those that another one of the same image says better."""
    full = values.overruled(facts, header)
    bare = {f.where.get("image") for f in found if f.code == "missing-mask"}
    worse: dict[str, set[Any]] = {"empty-mask": full, "no-annotations": bare}
    return [f for f in found if f.where.get("image") not in worse.get(f.code, ())]


def _report(
    path: str,
    opened: Opened,
    header: Header,
    found: Sequence[Finding],
    facts: Sequence[Facts],
    refused: int,
    fail_on: FailOn,
) -> CheckReport:
    findings, mixed = in_order(found), sources.summaries(facts)
    return CheckReport(
        ok=not _fails(findings, fail_on),
        source=path,
        format=opened.format.name,
        task=header.task,
        images_checked=len(facts) + refused,
        images_total=len(opened.scan.refs) + refused,
        findings=findings,
        counts=dict(Counter(f.code for f in findings)),
        notes=[note for note in opened.ledger.notes if note.code not in CATALOG],
        sources=mixed,
        source_differences=sources.differences(mixed),
    )


def _fails(findings: Sequence[Finding], fail_on: FailOn) -> bool:
    return any(f.severity in FAILING[fail_on] for f in findings)


def _below(path: str, found: Finding) -> Finding:
    """The finding with its file as a path below the source, as the user knows it.

    Its words are those of the catalog where they are equal: what comes from a worker has its own.
    """
    entry = CATALOG[found.code]
    if "file" in found.where:
        found.where["file"] = _path_below(path, found.where["file"])
    fix = entry.fix if found.fix == entry.fix else found.fix
    return Finding(sys.intern(found.code), entry.severity, found.where, found.message, fix, found.details)


@functools.lru_cache(maxsize=1)
def _path_below(path: str, file: str) -> str:
    for root in (path.rstrip("/"), os.path.dirname(path)):
        if root and file.startswith(root + "/"):
            return file[len(root) + 1 :]
    return file


def _stopped(path: str, error: SourceError, fail_on: FailOn) -> Checked:
    """A dataset that cannot be read past its head: the one finding, and that the rest is not known."""
    found = [_below(path, refused.of_error(error, "", error.code))]
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
