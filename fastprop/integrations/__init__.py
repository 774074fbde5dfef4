"""Wrappers of third-party libraries: a file for each, which imports its library on use or says how to install it."""
