"""Fits a sample to what a target can hold, and says what that cost.

The only step that may lose anything: readers do not guess and encoders do not lose.
"""

from __future__ import annotations

from converter.ledger import Ledger
from converter.lower.instances import BOX_DROPPED, CROWD_DROPPED, to_instances
from converter.lower.plan import Lowering, plan
from converter.lower.semantic import cut, to_semantic
from converter.model import Sample

__all__ = ["BOX_DROPPED", "CROWD_DROPPED", "REDUCED", "Lowering", "cut", "lower", "plan"]

# Losses of kind: the object is there, drawn or described with less.
REDUCED = frozenset({"mask-to-box", "attribute-dropped", "crowd-flag-dropped"})


def lower(sample: Sample, how: Lowering, ledger: Ledger) -> Sample:
    """`sample` as the target can hold it."""
    if how.target.splits and sample.image.split is None and not how.holds.unsplit:
        ledger.lose("no-split", sample.image.path, "no split has it: it is written, and no list of splits names it")
    if how.holds.task == "semantic":
        return to_semantic(sample, how, ledger)
    return to_instances(sample if sample.labels is None else cut(sample, how, ledger), how, ledger)
