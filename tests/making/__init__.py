"""What writes fixtures/: one module a format, each with `make(out)`; found by tests/make_fixtures.py.

Nothing of `converter` is used here: fixtures are what the program is judged by. Pixels come
from scikit-image's bundled photos, run-length codes from pycocotools, and every random
number from a fixed seed.
"""
