"""Bytes between processes: the ring file, its algorithm, the wire format."""
