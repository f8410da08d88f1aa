"""Which set each image of a merged dataset came from, as far as the dataset tells.

Merging leaves `segpack_source` with the images of a COCO file. A package whose masks are
read has it in its coco.json, and only there. The first folder of a name is the tag as well,
but folders alone make no merged dataset: cities and cameras are folders too.
"""

from __future__ import annotations

from collections.abc import Iterable

from converter.errors import SourceError
from converter.formats import get_format
from converter.layouts.coco_files import WHOLE
from converter.layouts.coco_read import Payload, with_extra
from converter.layouts.images import shown_name
from converter.ledger import Ledger
from converter.model import Ref
from converter.package import meta
from converter.pipeline.agreeing import Package
from converter.pipeline.opening import Opened
from converter.transforms import select

__all__ = ["source_tags"]

KEY = f'"{select.SOURCE}"'.encode()


def source_tags(opened: Opened, packed: Package | None) -> dict[str, str]:
    """The tag of each image by its shown name; empty unless there are at least two tags."""
    found = _tags(opened.scan.refs) or _tags(_coco_refs(opened, packed))
    return found if len(set(found.values())) > 1 else {}


def _tags(refs: Iterable[Ref]) -> dict[str, str]:
    """What `--filter source=` goes by, of images in COCO files; empty when none of them is tagged."""
    tagged, found = False, {}
    for ref in refs:
        image = ref.image
        if isinstance(ref.payload, Payload) and KEY in ref.payload.entry:
            image, tagged = with_extra(image, ref.payload.entry), True
        found[shown_name(ref.image)] = select.source_of(image)
    return found if tagged else {}


def _coco_refs(opened: Opened, packed: Package | None) -> Iterable[Ref]:
    """The images of a package as its coco.json has them; with a class file the package is not open yet."""
    if packed is not None:
        return [ref for other in packed.others if other.reader.name == "coco" for ref in other.refs.values()]
    source = opened.reading.source
    if WHOLE[1] not in source or meta.about(source) is None:
        return []
    coco = get_format("coco")
    assert coco.scan is not None
    try:
        return coco.scan(opened.reading, Ledger("skip")).refs
    except SourceError:
        return []
