"""Bytes to values and back, for files made by strangers.

Nothing here opens a file. Every function that reads takes the bytes and a name for
messages, and raises `SourceError` with that name and a place for anything that cannot
be read whole: a value that comes back is the value that was written, never a guess.
"""
