"""What a user may ask to be changed on the way.

    classes, class_table       class files: renamed, united, dropped, numbered
    select, edits              which images and objects stay; joined parts, filled holes
    orientation, resize, tile  where pixels go, which warp and keypoints carry out for all that is drawn
    split, split_lists         which image is in which split
    unite, origins             several sets as one, and one of them alone again
    steps                      all of it as one record

Nothing here knows a file format.
"""
