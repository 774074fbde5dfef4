"""The reference's activations, losses and derivatives far from 0 have the digits of decimals by textbook formulas."""

from decimal import MAX_EMAX, MIN_EMIN, Decimal, localcontext

import numpy as np
import pytest

from fastprop import reference

PRECISE = {"prec": 340, "Emax": MAX_EMAX, "Emin": MIN_EMIN}
"""Decimals of more digits than a difference of two of them loses where it is more than 1e-307."""

MAGNITUDES = 1e-300, 1e-20, 1e-8, 1e-3, 0.1, 0.5, 1.0, 2.0, 4.0, 6.0, 7.0, 8.0, 9.0, 12.0, 18.0, 19.5, 25.0, 36.0, 37.5
MAGNITUDES += 40.0, 100.0, 350.0
ARGUMENTS = np.array([*(-z for z in MAGNITUDES), 0.0, *MAGNITUDES])

# ---- textbook formulas: z → f(z), and z → f'(z), of decimals ----


def sigmoid(z):
    return 1 / (1 + (-z).exp())


def tanh(z):
    return 1 - 2 / ((2 * z).exp() + 1)


def in_gelu(z):
    with localcontext(prec=50):
        root = (2 / Decimal("3.14159265358979323846264338327950288419716939937510")).sqrt()
    cubic = Decimal("0.044715")
    return root * (z + cubic * z**3), root * (1 + 3 * cubic * z**2)


def gelu(z):
    u, _ = in_gelu(z)
    return z * (1 + tanh(u)) / 2


def slope_of_gelu(z):
    u, growth = in_gelu(z)
    return (1 + tanh(u)) / 2 + z * (1 - tanh(u) ** 2) / 2 * growth


EXACT = {
    "sigmoid": (sigmoid, lambda z: sigmoid(z) * (1 - sigmoid(z))),
    "tanh": (tanh, lambda z: 1 - tanh(z) ** 2),
    "elu": (lambda z: max(z, z.exp() - 1) if z < 0 else z, lambda z: z.exp() if z < 0 else Decimal(1)),
    "softplus": (lambda z: (1 + z.exp()).ln(), sigmoid),
    "silu": (lambda z: z * sigmoid(z), lambda z: sigmoid(z) * (1 + z * (1 - sigmoid(z)))),
    "gelu": (gelu, slope_of_gelu),
    "exp": (Decimal.exp, Decimal.exp),
}


def assert_digits(found, exact, name):
    """Fail unless all numbers have 12 digits of the decimals; those that are no normal numbers may be 0."""
    for z, number, decimal in zip(ARGUMENTS, found, exact, strict=True):
        error = abs(Decimal(float(number)) - decimal)
        assert error <= max(abs(decimal) * Decimal("1e-12"), Decimal("1e-307")), (name, z, number, f"{decimal:.17e}")


@pytest.mark.parametrize("name", EXACT)
def test_activations_and_their_derivatives_have_12_digits(name):
    row = reference.ACTIVATIONS[name]
    with localcontext(**PRECISE):
        values, slopes = ([function(Decimal(z)) for z in ARGUMENTS.tolist()] for function in EXACT[name])
        assert_digits(row.f(ARGUMENTS), values, name)
        assert_digits(row.gradient(ARGUMENTS, np.ones_like(ARGUMENTS)), slopes, f"derivative of {name}")


@pytest.mark.parametrize("name", EXACT)
def test_activations_and_their_derivatives_are_numbers_for_every_finite_argument(name):
    z = np.array([1e3, 1e80, 1e150, 1e300]) * np.array([[-1], [1]])
    with np.errstate(over="ignore"):
        values, slopes = reference.ACTIVATIONS[name].f(z), reference.ACTIVATIONS[name].gradient(z, np.ones_like(z))
    assert not np.isnan([values, slopes]).any()
    assert np.isin(slopes, [0, 1, np.inf]).all()


def losses(name, output, logits, targets):
    """Return the loss of each row of logits (n, columns), (n,), and dloss/dz (n, columns)."""
    return reference.losses_and_delta(name, logits, reference.ACTIVATIONS[output].f(logits), targets, back=None)


@pytest.mark.parametrize("target", [0.0, 0.25, 1.0])
def test_binary_cross_entropy_has_12_digits(target):
    logits = ARGUMENTS[:, None]
    rows, delta = losses("binary_cross_entropy", "sigmoid", logits, np.full_like(logits, target))
    with localcontext(**PRECISE):
        t, ones = Decimal(target), [sigmoid(Decimal(z)) for z in ARGUMENTS.tolist()]
        assert_digits(rows, [-t * y.ln() - (1 - t) * (1 - y).ln() for y in ones], "loss")
        assert_digits(delta[:, 0], [y - t for y in ones], "delta")


@pytest.mark.parametrize("label", [0, 1])
def test_cross_entropy_has_12_digits(label):
    logits = np.stack([ARGUMENTS, np.zeros_like(ARGUMENTS), -np.ones_like(ARGUMENTS)], axis=1)
    rows, delta = losses("cross_entropy", "softmax", logits, reference.one_hot(np.full(len(logits), label), 3))
    with localcontext(**PRECISE):
        powers = [[Decimal(z).exp() for z in row] for row in logits.tolist()]
        assert_digits(rows, [-(row[label] / sum(row)).ln() for row in powers], "loss")
        for column in range(3):
            shares = [row[column] / sum(row) - (column == label) for row in powers]
            assert_digits(delta[:, column], shares, f"delta {column}")


def test_the_way_back_through_softmax_has_12_digits():
    logits = np.stack([ARGUMENTS, np.zeros_like(ARGUMENTS)], axis=1)
    found = reference.ACTIVATIONS["softmax"].gradient(logits, np.broadcast_to([1.0, -0.5], logits.shape))
    with localcontext(**PRECISE):
        exact = [Decimal("1.5") * sigmoid(Decimal(z)) * (1 - sigmoid(Decimal(z))) for z in ARGUMENTS.tolist()]
        assert_digits(found[:, 0], exact, "dloss/dz")
        assert_digits(found[:, 1], [-z for z in exact], "dloss/dz")
