"""Pictures and pages for people: overlays, contact sheets, and the HTML reports of check and diff.

    palette   colours that can be told apart
    view      a part of an image at some scale: pictures and masks reduced into it
    text      labels and captions in Pillow's own font
    drawing   what is drawn on an image, over the image
    layers    the same as transparent pictures that a page can switch on and off
    sheet     tiles in a grid with captions and a legend
    thumbs    what is wrong, marked
    charts    tables whose rows have bars
    heat      where in their images masks lie
    words     what each finding means
    page      everything of a check on one page; diff_page the same of a comparison

Pixel (u, v) of a view covers [u, u + 1) x [v, v + 1) there; shapes keep the units of the
model. Nothing here is exact: reduced masks are for eyes, and no number is taken from them.
"""
