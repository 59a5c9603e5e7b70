"""mplog beside its peers, in one run: ``python -m benchmarks``.

One file per subject. Each measurement runs in a fresh process; the contenders take turns, round after round, so that
whatever the machine does in the meantime happens to all of them. Timings never fail anything.
"""
