"""What segpack costs beside the plain script for the same work; `python -m tests.benchmarks` prints it."""
