"""Record to text: templates, time tokens, control characters, tracebacks."""
