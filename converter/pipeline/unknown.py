"""What to say of a source that no format fits: what it holds, what it may be, and what to do with it."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterable, Sequence

from converter.errors import DetectionError, SourceError
from converter.layouts.images import is_image
from converter.stand_ins import HEAD, stand_in
from converter.storage import Source

__all__ = ["unknown"]

TRIED = 100
BOXES = {b"xmin", b"ymin", b"xmax", b"ymax"}
VOTT = (b'"securityToken"', b'"name"')
ANNOTATIONS = (".json", ".xml", ".yaml", ".yml", ".csv")
UNREAD = frozenset(
    {".7z", ".avif", ".bz2", ".dcm", ".exr", ".geojson", ".gz", ".h5", ".hdf5", ".heic", ".jp2", ".jsonl", ".mat",
     ".ndjson", ".nii", ".npy", ".npz", ".parquet", ".pbm", ".pgm", ".pkl", ".pnm", ".ppm", ".rar", ".roi", ".svs",
     ".tar", ".tfrecord", ".tga", ".tgz", ".xz"}
)  # fmt: skip
OF_TOOLS = (".geojson", ".json", ".jsonl", ".ndjson", ".roi", ".xml")  # what annotation tools save their work as


def unknown(source: Source) -> SourceError:
    """The error of a source that no format fits."""
    names = source.names() if source.entry is None else [source.entry]
    if (told := _stand_in(source, names)) is not None:
        return told
    file = source.label(source.entry) if source.entry is not None else source.name
    return DetectionError(file, f"no known format fits it ({_contents(source)})", remedy=_remedy(source, names))


def _stand_in(source: Source, names: Sequence[str]) -> SourceError | None:
    """The error of the first annotations that were not fetched, and so look like no format; None when all were."""
    for name in [name for name in names if name.lower().endswith(ANNOTATIONS)][:TRIED]:
        with source.open(name) as stream:
            told = stand_in(stream.read(HEAD), source.label(name))
        if told is not None:
            return told
    return None


def _remedy(source: Source, names: Sequence[str]) -> str:
    if source.entry is not None and source.entry.lower().endswith((".yaml", ".yml")):
        return "copy it into the folder of the images and labels that it speaks of, and name that folder"
    if (foreign := _foreign(source, names)) is not None:
        return foreign
    strange = sorted({posixpath.splitext(name)[1].lower() for name in names} & UNREAD)
    masks = ", or the places of masks with --masks 'labels/{image}_gt.png'" if sum(map(is_image, names)) > 1 else ""
    if not strange:
        return f"name its format with --from{_elsewhere(names)}{masks}{_export(names)}"
    said = f"{', '.join(strange)} files are of no format that is read; if other files hold it, name it with --from"
    return f"{said}{masks}{_export(names)}"


def _elsewhere(names: Sequence[str]) -> str:
    """What else to do where there are pictures and nothing else: they may be masks, without their images."""
    return ", or the folder of the images with --images" if names and all(map(is_image, names)) else ""


def _export(names: Iterable[str]) -> str:
    """What else to do where the set may lie in an archive, or a tool may have written one of the files."""
    packed = next((name for name in names if name.lower().endswith(".zip")), None)
    if packed is not None:
        return f"; {packed} is read only where it is named itself"
    saved = next((name for name in names if name.lower().endswith(OF_TOOLS)), None)
    return f"; where an annotation tool saved {saved}, export COCO, or label images, from that tool" if saved else ""


def _foreign(source: Source, names: Sequence[str]) -> str | None:
    """What to do with lists of boxes that tools write and nobody reads here; None where there are none."""
    for name in [name for name in names if name.lower().endswith((".csv", ".json"))][:TRIED]:
        with source.open(name) as stream:
            head = stream.read(HEAD)
        columns = {column.strip(b'" \r\xef\xbb\xbf').lower() for column in head.partition(b"\n")[0].split(b",")}
        if name.lower().endswith(".csv") and columns >= BOXES:
            return (
                f"{name} is a table of boxes, as of Roboflow and TensorFlow; export the set as COCO, Pascal VOC or YOLO"
            )
        if name.lower().endswith(".json") and all(key in head for key in VOTT):
            return f"{name} is of VoTT; export the set as Pascal VOC"
    return None


def _contents(source: Source) -> str:
    """What a source holds, by extension, for the message that nothing fits."""
    if source.entry is not None:
        return f"it is the file {source.entry}"
    kinds = Counter(posixpath.splitext(n)[1].lower() or "no extension" for n in source.names())
    held = "it holds " + (", ".join(f"{n} {kind}" for kind, n in kinds.most_common(5)) or "no files")
    unread = [f"{path} {reason}" for path, reason in source.special.items()]
    return "; ".join([held, *unread[:3]])
