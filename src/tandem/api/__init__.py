"""The v3 contract over HTTP: the only place that knows JSON names and status codes."""
