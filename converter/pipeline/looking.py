"""One image and its annotations, read once for everything that is asked of them; runs in a worker."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from converter import stopwatch
from converter.checks import alignment, empty, geometry, overlaps, package, shift, values
from converter.checks.catalog import finding
from converter.checks.subject import Facts, Subject, count, subject_of
from converter.codecs import images as codec
from converter.codecs import light, phash
from converter.codecs import pillow as _pillow  # noqa: F401 -- here, and not in each worker
from converter.errors import SourceError
from converter.layouts.images import check_frame, read_image
from converter.ledger import Ledger, Skipped
from converter.model import Box, Finding, Header, Image, Ref, Sample
from converter.pipeline import refused
from converter.pipeline.agreeing import Package, agreement
from converter.pipeline.opening import Opened
from converter.transforms import classes as class_files

__all__ = ["Look"]


class Look(msgspec.Struct, frozen=True):
    """Reads an image and its annotations once, and asks what can be asked of one image.

    `aligned` are the images that the search for shifts looks at, by `points` of their boundaries;
    `compared` says whether pictures are to be compared with each other. `lost` are the objects by
    image that scanning has refused; `tags` the source of each image, when there is more than one.
    """

    opened: Opened
    header: Header
    mapping: class_files.ClassMap | None
    packed: Package | None
    aligned: frozenset[str]
    points: int
    compared: bool
    lost: Mapping[str, set[int]]
    tags: Mapping[str, str]

    def __call__(self, ref: Ref) -> Facts:
        with stopwatch.stage("check"):
            return self._see(ref)

    def lost_with(self, ref: Ref, reason: str) -> Facts:
        """What stands for an image that no process survives."""
        image, name = ref.image, ref.image.path
        file = self.opened.reading.images.label(image.file) if image.file else ""
        found = finding("unreadable-image", f"the image {reason}", image=name, file=file)
        return Facts(name, image.split, file, image.width, image.height, image.orientation, findings=[found])

    def _see(self, ref: Ref) -> Facts:
        reading, name = self.opened.reading, ref.image.path
        findings: list[Finding] = []
        file = reading.images.label(ref.image.file) if ref.image.file else ""
        image, data = self._picture(ref.image, name, file, findings)
        fits = not findings
        if fits:
            findings += alignment.turned(image, name, file)
        facts = self._facts(image, name, file, data)
        if not image.width or not image.height:
            return msgspec.structs.replace(facts, findings=findings)
        ledger = Ledger(reading.on_error)
        sized = msgspec.structs.replace(ref, image=image)
        sample = self._load(sized, ledger, findings, name)
        findings += refused.of_image(self.opened, self.header, ledger.refusals)
        findings += self._checksums(name, facts.sha256)
        if sample is None:
            return msgspec.structs.replace(facts, findings=findings)
        return self._ask(sized, sample, ledger, facts, findings, data if fits else None)

    def _picture(self, image: Image, name: str, file: str, findings: list[Finding]) -> tuple[Image, bytes | None]:
        """The image as its file has it, and the bytes of that; a finding for a file that is not as it should be."""
        reading, info, data = self.opened.reading, None, None
        try:
            with stopwatch.stage("load"):
                info, data = read_image(reading, image)
            if info is not None and self.packed is not None:  # the index said the size, and is judged by the file
                image = msgspec.structs.replace(image, width=info.width, height=info.height)
            if info is not None:
                check_frame(file, image, info)
        except SourceError as error:
            if reading.on_error == "stop":
                raise
            if not image.file:
                error.file = image.name
            findings.append(refused.of_error(error, name, "unreadable-image"))
        if info is None:
            return image, None
        if not findings or not image.width:
            image = msgspec.structs.replace(image, width=info.width, height=info.height)
        return msgspec.structs.replace(image, orientation=info.orientation), data

    def _facts(self, image: Image, name: str, file: str, data: bytes | None) -> Facts:
        """What is known before anything is asked."""
        facts = Facts(name, image.split, file, image.width, image.height, image.orientation)
        if self.tags:
            facts = msgspec.structs.replace(facts, source=self.tags.get(name, ""))
        if data is None:
            return facts
        look, seen = self._appearance(data, file)
        return msgspec.structs.replace(facts, sha256=hashlib.sha256(data).hexdigest(), look=look, light=seen)

    def _appearance(self, data: bytes, file: str) -> tuple[phash.Look | None, light.Light | None]:
        """How the picture looks, as far as somebody is going to ask."""
        if not (self.compared or self.tags):
            return None, None
        try:
            picture = codec.gray(data, file, None if self.tags else phash.ENOUGH)
        except SourceError:
            return None, None
        return phash.look_at(picture) if self.compared else None, light.measure(picture) if self.tags else None

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
            findings.append(refused.of_error(error, name, "invalid-polygon"))
            return None
        if self.mapping is not None:
            sample = class_files.apply(sample, self.mapping, self.header.background_id, ledger)
        return sample

    def _ask(
        self, ref: Ref, sample: Sample, ledger: Ledger, facts: Facts, findings: list[Finding], data: bytes | None
    ) -> Facts:
        """The questions of one image."""
        where, told, lost = self._places(ref, sample, ledger)
        subject, broken = subject_of(sample, self.header, where, told)
        findings += broken
        for check in (alignment.check, geometry.check, overlaps.check):
            findings += check(subject)
        findings += empty.check(subject, len(lost) + len(broken) + len(self.lost.get(subject.name, ())))
        for file in dict.fromkeys(where):
            findings += values.by_name(file, subject.name)
        findings += self._package(ref, sample, subject, lost)
        per_class, pixels, areas = count(subject)
        specks, softness = (0.0, 0.0) if sample.labels is None else values.restlessness(sample.labels)
        return msgspec.structs.replace(
            facts,
            instances=len(sample.instances),
            crowds=sum(i.iscrowd for i in sample.instances),
            boxes=sum(isinstance(d.instance.shape, Box) and d.area > 0 for d in subject.drawn),
            masks=sum(d.mask is not None for d in subject.drawn),
            per_class=per_class,
            pixels=pixels,
            areas=areas,
            values=list(subject.values),
            specks=specks,
            softness=softness,
            mask_file=subject.file,
            findings=findings,
            alignment=self._alignment(subject, facts.file, data),
        )

    def _alignment(self, subject: Subject, file: str, data: bytes | None) -> NDArray[Any] | None:
        if data is None or subject.name not in self.aligned:
            return None
        edge = shift.boundary_of(subject, self.points)
        try:
            return None if edge is None else shift.scores(self._pixels(data, file), edge)
        except SourceError:
            return None

    def _pixels(self, data: bytes, file: str) -> NDArray[np.uint8]:
        """Colours, or luma where a glance is enough."""
        return codec.decode(data, file) if self.points == shift.POINTS else np.asarray(codec.gray(data, file))

    def _places(self, ref: Ref, sample: Sample, ledger: Ledger) -> tuple[list[str], list[int], set[int]]:
        """Files and numbers of the objects that could be read, and the numbers of those that could not."""
        format, refusals = self.opened.format, ledger.refusals
        where = format.files(self.opened.reading, ref) if format.files is not None else []
        lost = {r.instance for r in refusals if r.instance is not None}
        files = {r.file for r in refusals}
        numbers = [n for n in range(1, len(sample.instances) + len(lost) + 1) if n not in lost]
        if len(where) > 1:
            where = [file for file in where if file not in files]
        return where, numbers[: len(sample.instances)], lost

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

    def _package(self, ref: Ref, sample: Sample, subject: Subject, lost: set[int]) -> list[Finding]:
        if self.packed is None:
            return []
        lost = lost | self.lost.get(subject.name, set())
        found = list(package.rows(subject, self.packed.rows.get(subject.name, []), lost))
        if not lost:
            found += agreement(self.opened.reading, self.packed, ref, sample)
        return found
