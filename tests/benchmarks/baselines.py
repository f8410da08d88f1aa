"""The plain scripts that segpack is measured against: what one writes with pycocotools in an afternoon.

    python baselines.py WORK LIBRARY DATA OUT

They check nothing, and are not exact where their libraries are not: OpenCV's contours lie
half a pixel inside and lose holes. LIBRARY, opencv or pillow, writes and reads the PNGs; the
contours are scikit-image's where it is not opencv. Binary PNGs are named IMAGE_ID_CLASS.png.
"""

from __future__ import annotations

import argparse
import importlib
import json
import zipfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

Shape = Callable[[Any, Any], dict[str, Any]]


class Png:
    """Gray PNGs by OpenCV or by Pillow."""

    def __init__(self, library: str) -> None:
        self.cv2: Any = importlib.import_module("cv2") if library == "opencv" else None
        self.pillow: Any = importlib.import_module("PIL.Image") if library == "pillow" else None

    def write(self, path: Path, pixels: Any) -> None:
        if self.cv2:
            self.cv2.imwrite(str(path), pixels)
        else:
            self.pillow.fromarray(pixels).save(path)

    def read(self, path: Path) -> Any:
        import numpy as np

        if self.cv2:
            return self.cv2.imread(str(path), self.cv2.IMREAD_GRAYSCALE)
        with self.pillow.open(path) as image:
            return np.asarray(image)


def read_coco(data: Path) -> tuple[list[dict[str, Any]], dict[int, list[dict[str, Any]]], dict[int, int]]:
    """Images, annotations by image, and the index of each category."""
    coco = json.loads((data / "annotations" / "instances_train.json").read_bytes())
    drawn = defaultdict(list)
    for annotation in coco["annotations"]:
        drawn[annotation["image_id"]].append(annotation)
    ids = sorted(c["id"] for c in coco["categories"])
    return coco["images"], drawn, {id: i for i, id in enumerate(ids)}


def mask_of(annotation: dict[str, Any], height: int, width: int) -> Any:
    from pycocotools import mask

    shape = annotation["segmentation"]
    if isinstance(shape, list):
        return mask.decode(mask.merge(mask.frPyObjects(shape, height, width)))
    return mask.decode(mask.frPyObjects(shape, height, width) if isinstance(shape["counts"], list) else shape)


def binary(data: Path, out: Path, png: Png) -> None:
    images, drawn, index = read_coco(data)
    for image in images:
        for annotation in drawn[image["id"]]:
            name = f"{image['id']:012d}_{annotation['id']}_{index[annotation['category_id']] + 1}.png"
            png.write(out / name, mask_of(annotation, image["height"], image["width"]) * 255)


def semantic(data: Path, out: Path, png: Png) -> None:
    import numpy as np

    images, drawn, index = read_coco(data)
    for image in images:
        canvas = np.zeros((image["height"], image["width"]), np.uint8)
        for annotation in drawn[image["id"]]:
            canvas[mask_of(annotation, *canvas.shape) > 0] = index[annotation["category_id"]] + 1
        png.write(out / f"{image['id']:012d}.png", canvas)


def rle(data: Path, out: Path, png: Png) -> None:
    _from_masks(data, out, png, _as_rle)


def polygons(data: Path, out: Path, png: Png) -> None:
    _from_masks(data, out, png, _as_contours)


def _from_masks(data: Path, out: Path, png: Png, shape: Shape) -> None:
    images, annotations = {}, []
    for path in sorted(data.glob("*.png")):
        image, id, category = map(int, path.stem.split("_"))
        pixels = png.read(path)
        images[image] = {"id": image, "height": pixels.shape[0], "width": pixels.shape[1]}
        annotations.append({"id": id, "image_id": image, "category_id": category, "iscrowd": 0, **shape(pixels, png)})
    (out / "coco.json").write_text(json.dumps({"images": list(images.values()), "annotations": annotations}))


def _as_rle(pixels: Any, _: Png) -> dict[str, Any]:
    import numpy as np
    from pycocotools import mask

    code = mask.encode(np.asfortranarray((pixels > 0).astype(np.uint8)))
    shape = {"size": code["size"], "counts": code["counts"].decode()}
    return {"segmentation": shape, "area": float(mask.area(code)), "bbox": mask.toBbox(code).tolist()}


def _as_contours(pixels: Any, png: Png) -> dict[str, Any]:
    import numpy as np

    if png.cv2:
        found, _ = png.cv2.findContours(pixels, png.cv2.RETR_EXTERNAL, png.cv2.CHAIN_APPROX_SIMPLE)
        box = list(png.cv2.boundingRect(pixels))
        rings = [ring.ravel().tolist() for ring in found if len(ring) > 2]
    else:
        from skimage.measure import find_contours

        ys, xs = np.nonzero(pixels)
        box = [int(xs.min()), int(ys.min()), int(np.ptp(xs)) + 1, int(np.ptp(ys)) + 1] if len(xs) else [0, 0, 0, 0]
        rings = [ring[:, ::-1].ravel().tolist() for ring in find_contours(pixels > 0, 0.5)]
    return {"segmentation": rings, "area": int(np.count_nonzero(pixels)), "bbox": box}


def yolo(data: Path, out: Path, _: Png) -> None:
    _rows(data, out, _box_row)


def yolo_seg(data: Path, out: Path, _: Png) -> None:
    _rows(data, out, _polygon_row)


def _rows(data: Path, out: Path, row: Callable[[dict[str, Any], int, int], str]) -> None:
    images, drawn, index = read_coco(data)
    for image in images:
        objects = [a for a in drawn[image["id"]] if not a.get("iscrowd")]
        rows = [f"{index[a['category_id']]} {row(a, image['width'], image['height'])}\n" for a in objects]
        (out / f"{image['id']:012d}.txt").write_text("".join(rows))


def _box_row(annotation: dict[str, Any], width: int, height: int) -> str:
    x, y, w, h = annotation["bbox"]
    return f"{(x + w / 2) / width:.6f} {(y + h / 2) / height:.6f} {w / width:.6f} {h / height:.6f}"


def _polygon_row(annotation: dict[str, Any], width: int, height: int) -> str:
    numbers = [v for ring in annotation["segmentation"] for v in ring]
    return " ".join(f"{v / (height if i % 2 else width):.6f}" for i, v in enumerate(numbers))


def typed_yolo(data: Path, out: Path, _: Png) -> None:
    """As yolo, decoded into types, with the segmentations passed over: for files of gigabytes."""
    import msgspec

    image_type = msgspec.defstruct("Image", [("id", int), ("width", int), ("height", int)])
    box = tuple[float, float, float, float]
    fields = [("image_id", int), ("category_id", int), ("bbox", box), ("segmentation", msgspec.Raw)]
    annotation_type = msgspec.defstruct("Annotation", [*fields, ("iscrowd", int, 0)])
    category_type = msgspec.defstruct("Category", [("id", int)])
    parts = [("images", image_type), ("annotations", annotation_type), ("categories", category_type)]
    coco_type = msgspec.defstruct("Coco", [(name, list[kind]) for name, kind in parts])  # type: ignore[valid-type]

    read = (data / "annotations" / "instances_train.json").read_bytes()
    coco: Any = msgspec.json.decode(read, type=coco_type)
    index = {id: i for i, id in enumerate(sorted(c.id for c in coco.categories))}
    sizes = {image.id: (image.width, image.height) for image in coco.images}
    rows: dict[int, list[str]] = {image.id: [] for image in coco.images}
    for a in coco.annotations:
        if not a.iscrowd:
            (x, y, w, h), (width, height) = a.bbox, sizes[a.image_id]
            row = f"{(x + w / 2) / width:.6f} {(y + h / 2) / height:.6f} {w / width:.6f} {h / height:.6f}"
            rows[a.image_id].append(f"{index[a.category_id]} {row}\n")
    for id, lines in rows.items():
        (out / f"{id:012d}.txt").write_text("".join(lines))


def stored(data: Path, out: Path, _: Png) -> None:
    with zipfile.ZipFile(out / "out.zip", "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(data.rglob("*")):
            archive.write(path, path.relative_to(data))


def decode(data: Path, out: Path, _: Png) -> None:
    """Every file once, and nothing done with it."""
    from PIL import Image

    for path in sorted(data.rglob("*.*")):
        if path.suffix == ".json":
            json.loads(path.read_bytes())
        elif path.suffix in {".jpg", ".png"}:
            with Image.open(path) as image:
                image.load()


WORK = {f.__name__: f for f in (binary, semantic, rle, polygons, yolo, yolo_seg, typed_yolo, stored, decode)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", choices=WORK)
    parser.add_argument("library", choices=["opencv", "pillow", "none"])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    options.out.mkdir(parents=True)
    WORK[options.work](options.data, options.out, Png(options.library))


if __name__ == "__main__":
    main()
