"""Compares results of sweeps."""

import numpy as np


def assert_same_result(result, expected):
    """Fail unless two results of sweeps are the same to the last bit, but for the time that they took."""
    for name in expected.table.dtype.names:
        if name != "seconds":
            assert_same(result.table[name], expected.table[name], name)
    for name in ("history", "rung_costs"):
        assert_same(getattr(result, name), getattr(expected, name), name)
    assert list(result.networks) == list(expected.networks)
    for index, network in result.networks.items():
        other = expected.networks[index]
        assert repr(network) == repr(other)
        for name in ("parameters", "input_mean", "input_scale"):
            if getattr(other, name) is None:
                assert getattr(network, name) is None, f"{name} of network {index}"
            else:
                assert_same(getattr(network, name), getattr(other, name), f"{name} of network {index}")


def assert_same(array, expected, name):
    """Fail unless two arrays have the same values, NaN of any bits being the same; say where they differ."""
    assert array.shape == expected.shape, f"{name} has shape {array.shape}, not {expected.shape}"
    is_same = np.array([a == b or (a != a and b != b) for a, b in zip(array.flat, expected.flat)], bool)
    if not is_same.all():
        index = np.unravel_index(np.argmin(is_same), array.shape)
        differing = np.count_nonzero(~is_same)
        message = f"{name} differs in {differing} of {array.size}, first at {tuple(map(int, index))}: "
        raise AssertionError(message + f"{array[index]!r} and not {expected[index]!r}")
