import pytest
from hypothesis import given
from hypothesis import strategies as st

from converter.storage.names import all_differ, clean, is_ignored, portable_problems, surely_portable, unportable


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("a.png", "a.png"),
        ("./images//a.png", "images/a.png"),
        ("images/../a.png", "a.png"),
        ("images/", "images"),
        ("a/./b", "a/b"),
        ("...", "..."),
        ("a..b/c..", "a..b/c.."),
        ("..a", "..a"),
        (".hidden/a", ".hidden/a"),
        ("-rf.png", "-rf.png"),
        ("🐈.png", "🐈.png"),
        ("cafe\u0301.png", "cafe\u0301.png"),
        (".\\a.png", ".\\a.png"),
        ("a:b.png", None),
        ("12:30.png", "12:30.png"),
    ],
)
def test_clean_gives_one_spelling(name, cleaned):
    if cleaned is None:
        with pytest.raises(ValueError):
            clean(name)
    else:
        assert clean(name) == cleaned
        assert clean(cleaned) == cleaned


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "empty"),
        (".", "empty"),
        ("a/..", "empty"),
        ("/etc/passwd", "absolute"),
        ("\\windows", "absolute"),
        ("\\\\server\\share", "absolute"),
        ("C:\\a", "drive"),
        ("c:a", "drive"),
        ("../a", "climbs"),
        ("a/../../b", "climbs"),
        ("..", "climbs"),
        ("..\\..\\a", "climbs"),
        ("a\\..\\..\\b", "climbs"),
        ("a/..\\..\\b", "climbs"),
        ("a\0b", "zero byte"),
        ("\ud800.png", "Unicode"),
        ("caf\udce9.png", "Unicode"),
    ],
)
def test_clean_refuses_with_a_reason(name, why):
    with pytest.raises(ValueError, match=why):
        clean(name)


@pytest.mark.parametrize(
    "name",
    [".git/config", "a/.DS_Store", "__MACOSX/a/._b", "a/Thumbs.db", "a/desktop.ini", "._a.png", "Icon\r"],
)
def test_what_systems_leave_behind_is_ignored(name):
    assert is_ignored(name)


@pytest.mark.parametrize("name", ["a.git/b", "a/b.DS_Store", "my__MACOSX/a", "thumbs.db/a.png", "Icon"])
def test_what_looks_like_it_is_not(name):
    assert not is_ignored(name)


@pytest.mark.parametrize(
    "name",
    ["aux.png", "a/NUL", "a/com1.tar.gz", "con/a", "a:b.png", "a?", "dot.", "a /b", "a\nb", "x" * 256, "é" * 128],
)
def test_names_that_some_system_cannot_hold(name):
    assert unportable(name)


@pytest.mark.parametrize("name", ["auxiliary.png", "a/console", "com10", "a.b.png", ".a", " a", "é" * 127])
def test_names_that_all_can(name):
    assert unportable(name) is None


def test_long_and_deep_paths_cost_nothing():
    assert "deep" in (unportable("a/" * 30_000 + "a") or "")
    assert len(portable_problems("a/" * 30_000 + str(i) for i in range(100))) == 100


@pytest.mark.parametrize(
    ("names", "word"),
    [
        (["images/a.png", "images/A.PNG"], "case"),
        (["caf\u00e9.png", "cafe\u0301.png"], "composed"),
        (["CAF\u00c9.png", "cafe\u0301.png"], "case"),
        (["stra\u00dfe", "STRASSE"], "case"),
        (["a", "a/b"], "folder"),
        (["a/b/c", "A"], "folder"),
        (["a/b/c", "a/b"], "folder"),
    ],
)
def test_names_that_get_in_each_others_way(names, word):
    for order in (names, names[::-1]):
        (problem,) = portable_problems(order)
        assert word in problem.problem
        assert sorted(problem.names) == sorted(names)


def test_the_same_name_twice():
    name = "a/b.png"
    (problem,) = portable_problems([name, name])
    assert "twice" in problem.problem
    assert problem.names == (name,)


def test_names_that_do_not():
    assert portable_problems(["a/b", "a/c", "A/d", "b/a", "ab", "a.b", "é", "e", "-"]) == []


CLASHING = st.lists(st.lists(st.sampled_from(["a", "A", "é", "e\u0301", "b", "con", "x."]), min_size=1, max_size=3))


@given(CLASHING.map(lambda paths: ["/".join(parts) for parts in paths]))
def test_what_is_surely_portable_has_no_problem_and_the_other_way_round(names):
    assert surely_portable([names]) == (not portable_problems(names))


def test_trees_that_are_equal_are_one_and_others_share_their_names():
    assert surely_portable([["a/b", "c"], ["a/b", "c"], ["d"]])
    assert not surely_portable([["a/b", "c"], ["C"]])
    assert not surely_portable([["a/b"], ["c", "a"]])
    assert surely_portable([])


@given(st.lists(st.tuples(st.sampled_from([None, "a", "b"]), st.integers(0, 3))))
def test_keys_differ_as_a_set_of_them_does(keys):
    assert all_differ(keys) == (len(set(keys)) == len(keys))
