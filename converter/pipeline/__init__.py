"""Puts the rooms together: a module a command, and what they share.

    opening     a path becomes a dataset that is known but not loaded; unknown is what fits no format
    plan        what was asked for, and what is made of it; preparing is the way from one to the other
    drawing     one image through the transforms; redrawing its file, tagging where it came from
    writing     every image is loaded, lowered and encoded, in order; numbering gives the ids
    converting, packing    `convert` and `merge`; `pack`, which verifying reads back
    checking    `check`: looking at an image, agreeing of encodings, refused records, sampling
    diffing     `diff`: comparing an image
    inspecting, previewing `inspect` and `preview`
    reporting, diff_reporting, picturing   the pages of `check` and `diff`; saving writes files asked for by name

Only here do readers, transforms and writers meet.
"""
