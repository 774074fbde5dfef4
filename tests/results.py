"""How results of sweeps are compared."""

import numpy as np

from tests.compare import assert_same_bits


def assert_same_result(result, expected):
    for name in expected.table.dtype.names:
        if name != "seconds":
            assert result.table[name].tolist() == expected.table[name].tolist() or np.array_equal(
                result.table[name].view(np.int64), expected.table[name].view(np.int64)
            ), name
    for name in ("history", "rung_costs"):
        assert getattr(result, name).tobytes() == getattr(expected, name).tobytes(), name
    assert list(result.networks) == list(expected.networks)
    for network, same in zip(result.networks.values(), expected.networks.values()):
        assert repr(network) == repr(same)
        assert_same_bits([network.parameters], [same.parameters])
        for name in ("input_mean", "input_scale"):
            np.testing.assert_array_equal(getattr(network, name), getattr(same, name))
