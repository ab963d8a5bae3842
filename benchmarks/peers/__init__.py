"""The ways of linking that are compared, each a program of its own: `python -m benchmarks.peers.<way> DATA OUT`.

A way reads a data set (`benchmarks.data.folder`) and writes what `benchmarks.peers.outcome` describes, so that time and
memory are its own. With `--exposure` it writes what its tokens give away instead. None of them sees the truth.
"""
