"""A sweep with a journal, and the fits that are trained for it, for the files of tests about journals."""

import numpy as np
import pytest

import fastprop as fp
from fastprop.sweeping import pack_runs

RANDOM = np.random.default_rng(0)
X, LABELS = RANDOM.normal(size=(90, 4)), RANDOM.integers(3, size=90)
RATES = {"learning_rate": np.geomspace(0.01, 3, 5), "seed": range(4)}


def sweep(network=(4, 6, 3), grid=RATES, X=X, y=LABELS, **options):
    return fp.sweep(network, X, y, grid, **{"epochs": 9, "validation": 0.2} | options)


@pytest.fixture
def journal_path(tmp_path):
    return tmp_path / "runs.jsonl"


@pytest.fixture
def trained_fits(monkeypatch):
    """The configurations that are trained, and until which epoch."""
    seen, call = [], pack_runs.PackRun.__call__

    def seen_call(run):
        job, outcomes = call(run)
        seen.extend((fit.index, job.rungs[-1]) for fit in job.fits)
        return job, outcomes

    monkeypatch.setattr(pack_runs.PackRun, "__call__", seen_call)
    return seen


class Stateful:
    """A score whose state does not count, as its way of being pickled says."""

    def __init__(self, call):
        self.call = call

    def __call__(self, outputs, y):
        return self.call()

    def __reduce__(self):
        return Stateful, ()


# ---- a search ----

SPACE = {"learning_rate": fp.loguniform(1e-3, 1), "layer_sizes": [(4, 3), (4, fp.integers(5, 9), 3)]}


def new_study(path=None, seed=0, **options):
    """Return a study, which is kept beside the journal at `path` if there is one."""
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if path is not None:
        options |= {"storage": f"sqlite:///{path.with_suffix('.db')}", "study_name": "a", "load_if_exists": True}
    return optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed), **options)


def states(study):
    return [trial.state.name for trial in study.trials]
