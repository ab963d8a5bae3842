"""Benchmarks: time and memory, measured from outside, never in a timed test. `make bench` writes docs/benchmarks.md."""
