"""segpack: moves segmentation datasets between formats without losing a pixel.

    import converter

    dataset = converter.open("export.zip")
    for sample in dataset:
        for instance in sample.instances:
            instance.class_name, instance.mask()

    converter.convert("export/", "out/", to="coco", segmentation="rle")
    converter.pack("export/", "dataset.zip")
    report = converter.check("dataset.zip")

The functions mirror the commands, return typed results, and raise `SegpackError` or one of
its kinds (see `converter.errors`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from converter.errors import SegpackError

if TYPE_CHECKING:
    from converter.api import (
        Dataset,
        DatasetInstance,
        DatasetSample,
        check,
        convert,
        diff,
        inspect,
        merge,
        open,  # noqa: A004
        pack,
        preview,
    )

__all__ = [
    "Dataset",
    "DatasetInstance",
    "DatasetSample",
    "SegpackError",
    "check",
    "convert",
    "diff",
    "inspect",
    "merge",
    "open",
    "pack",
    "preview",
]


def __getattr__(name: str) -> Any:
    """The API loads numpy and more, which `segpack --help` has no use for: so, when first asked for."""
    if name in __all__:
        from converter import api  # noqa: PLC0415

        return getattr(api, name)
    raise AttributeError(f"module 'converter' has no attribute {name!r}")
