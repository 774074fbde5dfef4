"""scikit-learn's interface: multilayer perceptrons that stand where those of scikit-learn stood (extra ``sklearn``)."""

try:
    import sklearn as sklearn
except ImportError as error:
    raise ImportError("estimators need scikit-learn: pip install scikit-learn.") from error

from fastprop.estimators.classifier import MLPClassifier
from fastprop.estimators.regressor import MLPRegressor
from fastprop.estimators.sweep_cv import SweepCV
from fastprop.estimators.tabular import TabularClassifier, TabularRegressor

__all__ = ["MLPClassifier", "MLPRegressor", "SweepCV", "TabularClassifier", "TabularRegressor"]
