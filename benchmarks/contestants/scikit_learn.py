"""scikit-learn as a contestant."""

from .contestant import Contestant

ACTIVATIONS = {"identity": "identity", "relu": "relu", "sigmoid": "logistic", "tanh": "tanh"}
SOLVERS = {"SGD": "sgd", "Adam": "adam"}


class ScikitLearn(Contestant):
    """scikit-learn's MLPRegressor, an epoch a `partial_fit`.

    Its output unit is the identity and its loss half as large, so this is the same shape of work and not the same
    network. It has neither AdamW nor a schedule over the steps.
    """

    name = "scikit-learn"
    comparable = False

    def enters(self, workload):
        return workload.configurations == 1 and workload.optimizer in SOLVERS and workload.schedule is None

    def prepare(self, workload, data, weights, threads):
        from sklearn.neural_network import MLPRegressor

        self.workload = workload
        self.inputs, targets = data
        self.targets = targets.ravel() if targets.shape[1] == 1 else targets
        self.regressor = MLPRegressor(
            hidden_layer_sizes=workload.layer_sizes[1:-1],
            activation=ACTIVATIONS[workload.hidden],
            solver=SOLVERS[workload.optimizer],
            alpha=0,
            batch_size=workload.batch_size,
            learning_rate_init=workload.learning_rate,
            momentum=0,
            random_state=0,
        )

    def epochs(self, n, shuffle=True):
        self.regressor.shuffle = shuffle
        for _ in range(n):
            self.regressor.partial_fit(self.inputs, self.targets)

    def parameters(self):
        return {0: list(zip(self.regressor.coefs_, self.regressor.intercepts_))}
