"""Where the bytes of a dataset come from, and where they go.

`open_source` gives the files of a folder or of a ZIP file, read in place; `open_target` a
folder or ZIP file that appears whole or not at all. Nothing here knows what is in a file.
"""

from __future__ import annotations

from converter.storage.folder_store import UNREADABLE
from converter.storage.folder_writer import Digest, FolderWriter, How
from converter.storage.limits import Limits, within
from converter.storage.names import Problem, clean, portable_problems
from converter.storage.source import Source, hash_file, open_source
from converter.storage.target import Target, check_apart, check_spared, open_target

__all__ = [
    "UNREADABLE",
    "Digest",
    "FolderWriter",
    "How",
    "Limits",
    "Problem",
    "Source",
    "Target",
    "check_apart",
    "check_spared",
    "clean",
    "hash_file",
    "open_source",
    "open_target",
    "portable_problems",
    "within",
]
