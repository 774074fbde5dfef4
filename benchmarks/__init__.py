"""Benchmarks: what is measured (`cases`), who takes part (`contestants`), side by side (`peers`)."""
