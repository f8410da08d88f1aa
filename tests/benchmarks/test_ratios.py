"""The benchmark runs, and segpack is not slower than a plain script by an order that no noise explains."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.benchmarks import measure, table, tasks

pytestmark = pytest.mark.benchmark

# Of processor time, start of the program included, on a set so small that the start is much of it.
GENEROUS = {"T1": 1.5, "T2": 3.0, "T3": 3.0, "T4": 3.0, "check": 8.0}
IMAGES = 60


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return tasks.prepare(tmp_path_factory.mktemp("bench"), None, IMAGES, tasks.NAMES[:5], "pillow")


@pytest.fixture(autouse=True)
def _empty_again(request):
    """Outputs of one test are in no other's way."""
    yield
    if "bench" in request.fixturenames:
        out = request.getfixturevalue("bench").out
        shutil.rmtree(out)
        out.mkdir()


@pytest.mark.parametrize("name", GENEROUS)
def test_costs_no_more_than_the_plain_script(bench, name):
    task = tasks.task(name, bench)
    ours, theirs = measure.compare(task.ours, task.theirs, bench.out, 1)
    assert ours.cpu <= GENEROUS[name] * theirs.cpu, table.row(task, ours, theirs)


def test_both_sides_draw_the_same_objects(bench):
    measure.run(bench.convert(bench.data, "instance-png"))
    ours = list((bench.out / "converted").rglob("*.png"))
    assert len(ours) == len(list((bench.room / "masks").iterdir())) > IMAGES


def test_masks_are_read_whole_and_none_is_left_out(bench):
    measure.run(tasks.task("T3", bench).ours[0])
    found = json.loads((bench.out / "converted" / "coco.json").read_bytes())
    assert len(found["annotations"]) == len(list((bench.room / "masks").iterdir()))


def test_the_table_goes_between_its_marks(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text(f"a\n{table.BEGIN}\nold\n{table.END}\nb\n")
    table.write_readme(readme, "new")
    assert readme.read_text() == f"a\n{table.BEGIN}\nnew\n{table.END}\nb\n"


def test_a_readme_without_marks_is_left_alone(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("a\n")
    with pytest.raises(ValueError, match="has no"):
        table.write_readme(readme, "new")
    assert readme.read_text() == "a\n"
