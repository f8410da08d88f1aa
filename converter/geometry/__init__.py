"""Pure maths on masks: no files, no formats, no images.

    rle         masks as sets of pixels: codes made from bitmaps and runs, measured, combined
    runlengths  run-length codes as they are written: compressed strings and lists of counts, checked
    raster      what is drawn (rings, boxes) to run-length codes, as the COCO API draws it
    labelmap    label maps: cut into regions or components, counted, painted
    trace       masks to the loops of their outlines
    links       loops to rings of few vertices that rasterise back to the very same pixels
    bridges     rings joined into one, for formats that hold one ring an object
    collapse    rings simplified, with the area or the distance kept
    polygons    the polygons of a mask: exact, or simpler at a stated price
    numbers     coordinates written so that they rasterise to the same pixels when read
    overlaps    pixels that several masks of an image share
    quads       turned boxes
    shapes      the mask and the box of any kind of shape

Masks travel as `model.Rle`; a bitmap is made only of the tight box and only while it is needed.
Whatever has no meaning is a `ShapeError` whose text says why; who read it says where.
"""
