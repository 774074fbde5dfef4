"""Tables that several files of tests fit tuned ensembles to."""

import numpy as np
import pandas

SHORT = {"epochs": 4, "folds": 3, "random_state": 0}
RANDOM = np.random.default_rng(2)
ROWS = 150
FRAME = pandas.DataFrame({
    "size": np.where(RANDOM.random(ROWS) < 0.2, np.nan, RANDOM.normal(size=ROWS)),
    "age": RANDOM.normal(40, 10, ROWS),
    "town": RANDOM.choice(["Oslo", "Rome", "Lima"], ROWS),
})  # fmt: skip
SIGNAL = FRAME["size"].fillna(0) + (FRAME["town"] == "Rome") + RANDOM.normal(size=ROWS) / 5
KINDS = pandas.Series(np.where(SIGNAL > 0.3, "big", "small"), name="kind")
PRICES = pandas.Series(2e6 + 1e5 * SIGNAL, name="price")


def mean_of_networks(model, frame):
    """Return the weighted mean of the outputs of all networks, each with its own encoder."""
    pairs = zip(model.ensemble.networks, model.encoders, strict=True)
    outputs = [network.predict(encoder.transform(frame, np.float64)).astype(float) for network, encoder in pairs]
    return sum(weight * each for weight, each in zip(model.ensemble.weights, outputs))
