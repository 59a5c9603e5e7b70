"""Where records end: files, streams, functions."""
