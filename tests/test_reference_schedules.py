"""The reference's schedules: their factors by hand, against PyTorch's, and in a run."""

import numpy as np
import pytest

import fastprop as fp
from fastprop import reference
from fastprop.options.schedules import MAX_CYCLES
from tests.compare import assert_close, assert_refused, tolerance
from tests.reference_problems import make_data, make_network

TOTAL = 20
LOSSES = np.r_[np.linspace(3, 1, 5), np.full(4, 1.0), 0.99995, 0.5, np.linspace(0.6, 0.7, 8)]


def factors(schedule, total=TOTAL):
    return [reference.factor(schedule, position, total) for position in range(total)]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (None, [1, 1, 1, 1]),
        (fp.StepDecay(2), [1, 1, 0.1, 0.1]),
        (fp.ExponentialDecay(0.5), [1, 0.5, 0.25, 0.125]),
        (fp.CosineDecay(final=0.2), [1, 0.6 + 0.4 * np.sqrt(0.5), 0.6, 0.6 - 0.4 * np.sqrt(0.5)]),
        (fp.FlatCosine(), [1, 1, 1, 0.5]),
        (fp.FlatCosine(0.25, final=0.2), [1, 1, 0.8, 0.4]),
        (fp.FlatCosine(0.0), [1, 0.5 + np.sqrt(0.125), 0.5, 0.5 - np.sqrt(0.125)]),
        # log₂ of 1, 1.25, 1.5 and 1.75 is the share of one wave
        (fp.CosineLog(1), [0, *(0.5 - 0.5 * np.cos(2 * np.pi * np.log2([1.25, 1.5, 1.75])))]),
        # 1 + 3 done / 4 is 1, 1.75, 2.5 and 3.25; waves end at 2 and 4
        (fp.CosineLog(2), [0, *(0.5 - 0.5 * np.cos(2 * np.pi * np.log2([1.75, 2.5, 3.25])))]),
        (fp.OneCycle(start=0.2, final=0.1, rise=0.75), [0.2, 0.6, 1, 0.1]),
        (fp.InverseScaling(), [1, 2**-0.5, 3**-0.5, 0.5]),
        (fp.Warmup(2), [0.5, 1, 1, 1]),
        (fp.Warmup(2, fp.ExponentialDecay(0.5)), [0.5, 1, 1, 0.5]),
        (fp.Warmup(2, fp.CosineDecay()), [0.5, 1, 1, 0.5]),
        (fp.Warmup(9, fp.CosineDecay()), [1 / 9, 2 / 9, 3 / 9, 4 / 9]),
    ],
    ids=str,
)
def test_factors_by_hand(schedule, expected):
    assert_close(factors(schedule, 4), expected, tolerance("float64", 4), "factors")


@pytest.mark.parametrize("total", [1, 2, 3, 4, 10, 1000])
@pytest.mark.parametrize("rise", [0.0, 0.3, 0.5, 0.99])
def test_one_cycle_is_finite_however_short_the_run(total, rise):
    found = factors(fp.OneCycle(rise=rise), total)
    assert np.isfinite(found).all()
    assert 0 < min(found) <= max(found) <= 1
    assert found[-1] == fp.OneCycle().final


def test_the_largest_number_of_waves_has_finite_factors_in_the_longest_run():
    wavy, total = fp.CosineLog(MAX_CYCLES, by="epoch"), 2**63 - 1
    found = [reference.factor(wavy, position, total) for position in (0, 1, 2**53, 2**62, total - 1)]
    assert found[0] == 0
    assert np.isfinite(found).all()
    assert 0 <= min(found) <= max(found) <= 1
    network = fp.MLP((2, 2), output="softmax", dtype="float64")
    history = fp.train(network, np.eye(2), [0, 1], epochs=9, schedule=wavy, optimizer=fp.SGD(1.0))
    assert_close(history.learning_rate, factors(wavy, 9), tolerance("float64", 1000), "learning rates")


def test_a_plateau_waits_and_then_counts_anew():
    plateau = fp.ReduceOnPlateau(0.5, patience=1, minimum=0.2)
    losses = [1.0, 2.0, 0.99995, 1.0, 1.0, 0.5, 0.6, np.nan, 0.6, 0.6]
    found = [reference.factor(plateau, epoch, 10, losses[:epoch]) for epoch in range(11)]
    #                     done: 0  1  2  3    4    5     6     7     8    9    10
    np.testing.assert_array_equal(found, [1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.25, 0.2, 0.2, 0.2])


@pytest.mark.peers
@pytest.mark.parametrize(
    ("schedule", "make"),
    [
        (fp.StepDecay(3), lambda lr, optimizer: lr.StepLR(optimizer, 3)),
        (fp.StepDecay(7, factor=0.5), lambda lr, optimizer: lr.StepLR(optimizer, 7, gamma=0.5)),
        (fp.ExponentialDecay(0.9), lambda lr, optimizer: lr.ExponentialLR(optimizer, 0.9)),
        (fp.CosineDecay(), lambda lr, optimizer: lr.CosineAnnealingLR(optimizer, TOTAL)),
        (fp.CosineDecay(final=0.1), lambda lr, optimizer: lr.CosineAnnealingLR(optimizer, TOTAL, eta_min=0.05)),
        (fp.OneCycle(), lambda lr, optimizer: lr.OneCycleLR(optimizer, 0.5, TOTAL, cycle_momentum=False)),
        (
            fp.OneCycle(0.1, 1e-3, 0.45),
            lambda lr, optimizer: lr.OneCycleLR(
                optimizer, 0.5, TOTAL, pct_start=0.45, div_factor=10, final_div_factor=100, cycle_momentum=False
            ),
        ),
        (
            fp.InverseScaling(0.25),
            lambda lr, optimizer: lr.LambdaLR(optimizer, lambda done: 1 / (done + 1) ** 0.25),
        ),
        (fp.Warmup(5), lambda lr, optimizer: lr.LinearLR(optimizer, 1 / 5, total_iters=4)),
        (
            fp.Warmup(5, fp.CosineDecay()),
            lambda lr, optimizer: lr.SequentialLR(
                optimizer,
                [lr.LinearLR(optimizer, 1 / 5, total_iters=4), lr.CosineAnnealingLR(optimizer, TOTAL - 5)],
                milestones=[5],
            ),
        ),
        (fp.ReduceOnPlateau(patience=2), lambda lr, optimizer: lr.ReduceLROnPlateau(optimizer, patience=2)),
        (
            fp.ReduceOnPlateau(0.5, patience=0, threshold=0.1, minimum=0.3),
            lambda lr, optimizer: lr.ReduceLROnPlateau(optimizer, factor=0.5, patience=0, threshold=0.1, min_lr=0.15),
        ),
    ],
    ids=lambda value: str(value) if hasattr(value, "by") else "",
)
@pytest.mark.filterwarnings("ignore:The epoch parameter in")
def test_schedules_agree_with_torch(schedule, make):
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    theirs = make(torch.optim.lr_scheduler, optimizer)
    for position in range(TOTAL):
        ours = 0.5 * reference.factor(schedule, position, TOTAL, LOSSES[:position])
        assert_close(optimizer.param_groups[0]["lr"], ours, 1e-14, f"learning rate {position}")
        optimizer.step()
        if position + 1 < TOTAL:
            theirs.step(*LOSSES[position : position + 1] if isinstance(schedule, fp.ReduceOnPlateau) else ())


# ---- in a run ----


def run(schedule, optimizer=fp.SGD(0.1, momentum=0.9, weight_decay=0.1), **options):
    network, (X, y) = make_network("tanh"), make_data("mse")
    options = {"epochs": 4, "batch_size": 3, "loss": "mse", "shuffle": False} | options
    return network, reference.train(network, X, y, optimizer=optimizer, schedule=schedule, **options)


@pytest.mark.parametrize("by", ["epoch", "step"])
@pytest.mark.parametrize("optimizer", [fp.SGD(0.1, momentum=0.9, weight_decay=0.1), fp.AdamW(0.1)], ids=str)
def test_a_run_is_its_steps_at_the_rates_of_its_schedule(optimizer, by):
    network, record = run(fp.ExponentialDecay(0.5, by=by), optimizer)
    twin, (X, y), state = make_network("tanh"), make_data("mse"), {}
    for epoch in range(4):
        for batch in range(3):
            rows, done = slice(3 * batch, 3 * batch + 3), epoch if by == "epoch" else 3 * epoch + batch
            reference.step(twin, X[rows], y[rows], "mse", optimizer, state, factor=0.5**done)
    for ours, theirs in zip(network.arrays, twin.arrays):
        np.testing.assert_array_equal(ours, theirs)
    last_steps = range(4) if by == "epoch" else range(2, 12, 3)
    np.testing.assert_array_equal(record.learning_rate, [0.1 * 0.5**done for done in last_steps])


def test_a_run_by_step_knows_how_many_steps_there_are():
    _, record = run(fp.CosineDecay(by="step"))
    _, other = run(fp.CosineDecay(by="step"), epochs=5)
    assert record.loss[0] != other.loss[0]
    assert not np.array_equal(run(fp.OneCycle())[1].loss, record.loss)


@pytest.mark.parametrize("column", [0, 1])
def test_a_plateau_watches_validation_where_there_is_any(column):
    X, y = make_data("mse")
    validation = (X, -y) if column else None  # which rises, while the training loss falls
    _, record = run(fp.ReduceOnPlateau(0.0, patience=1), fp.SGD(0.05), validation=validation, epochs=12)
    constant = np.flatnonzero(np.diff(record.loss) == 0)
    assert (len(constant) > 0) == bool(column)


# ---- options ----


UNIT = "by must be one of epoch, step, not 'batch': choose one of these"


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: fp.StepDecay(0), ValueError, "every must be at least 1, not 0: give a larger number"),
        (lambda: fp.StepDecay(2.5), TypeError, "every must be a whole number, not 2.5: give an int"),
        (lambda: fp.StepDecay(2, factor=-1), ValueError, "factor must be at least 0 and finite, not -1: give a number"),
        (lambda: fp.StepDecay(2, by="batch"), ValueError, UNIT),
        (lambda: fp.ExponentialDecay("0.9"), TypeError, "factor must be a number, not '0.9': give a float"),
        (lambda: fp.ExponentialDecay(by="batch"), ValueError, UNIT),
        (lambda: fp.CosineDecay(-0.1), ValueError, "final must be at least 0 and finite, not -0.1: give a number"),
        (lambda: fp.CosineDecay(by="batch"), ValueError, UNIT),
        (lambda: fp.FlatCosine(1.0), ValueError, "flat must be at least 0 and below 1, not 1.0: give a number"),
        (lambda: fp.FlatCosine(by="batch"), ValueError, UNIT),
        (lambda: fp.CosineLog(0), ValueError, "cycles must be at least 1, not 0: give a larger number"),
        (lambda: fp.CosineLog(1100), ValueError, "cycles must be at most 960, not 1100: give a smaller number"),
        (lambda: fp.CosineLog(1.5), TypeError, "cycles must be a whole number, not 1.5: give an int"),
        (lambda: fp.OneCycle(start=-1), ValueError, "start must be at least 0 and finite, not -1: give a number"),
        (lambda: fp.OneCycle(final=np.nan), ValueError, "final must be at least 0 and finite, not nan: give a number"),
        (lambda: fp.OneCycle(rise=1), ValueError, "rise must be at least 0 and below 1, not 1: give a number"),
        (lambda: fp.InverseScaling(-1), ValueError, "power must be at least 0 and finite, not -1: give a number"),
        (lambda: fp.InverseScaling(by="batch"), ValueError, UNIT),
        (lambda: fp.ReduceOnPlateau(1.0), ValueError, "factor must be at least 0 and below 1, not 1.0: give a number"),
        (
            lambda: fp.ReduceOnPlateau(patience=-1),
            ValueError,
            "patience must be at least 0, not -1: give a larger number",
        ),
        (lambda: fp.ReduceOnPlateau(threshold=1), ValueError, "threshold must be at least 0 and below 1, not 1: give"),
        (
            lambda: fp.ReduceOnPlateau(minimum=1),
            ValueError,
            "minimum must be at least 0 and below 1, not 1: give a number",
        ),
        (lambda: fp.Warmup(0), ValueError, "length must be at least 1, not 0: give a larger number"),
        (lambda: fp.Warmup(2, by="batch"), ValueError, UNIT),
        (lambda: fp.Warmup(2, 0.5), TypeError, "then must be a StepDecay or an ExponentialDecay or a CosineDecay or"),
        (
            lambda: fp.Warmup(2, fp.OneCycle()),
            ValueError,
            "a warm-up by epoch cannot go before OneCycle(start=0.04, final=4e-06, rise=0.3), which counts each step: "
            "give Warmup by='step'",
        ),
    ],
)
def test_a_schedule_is_refused_where_a_value_is_out_of_its_range(make, error, words):
    assert_refused(error, words, make)


def test_a_plateau_may_follow_any_warm_up():
    for by in ("epoch", "step"):
        warmup = fp.Warmup(2, fp.ReduceOnPlateau(0.5, patience=0), by=by)
        found = [reference.factor(warmup, position, 9, [1.0, 2.0, 3.0][:position]) for position in range(4)]
        assert found == [0.5, 1, 0.5, 0.25]
