"""The inputs of an estimator: arrays, sparse matrices and data frames as arrays of numbers."""

from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.validation import _check_sample_weight, validate_data

from fastprop import checks
from fastprop.data import order_of_columns, position_names
from fastprop.integrations import arrow_columns, frame_columns
from fastprop.tabular.column_inputs import ColumnInputs
from fastprop.tabular.encoder import Encoder, array_columns, named_columns
from fastprop.tabular.numeric_encodings import searched_names
from fastprop.tabular.plans import NumberPlan, median
from fastprop.tabular.written_numbers import is_number


class FittedInputs(NamedTuple):
    """What an estimator keeps of the inputs of `fit` as ``inputs_``, beside what scikit-learn does."""

    names: list[str] | None  # the names of the columns of a frame
    is_frame: bool
    medians: list[float | None] | None = None  # of the columns, if they are numbers without a gap, dense


def fitted(estimator, X):
    """Return inputs (n, n_in) for a training that begins, and the `Encoder` that made them, or None.

    The estimator keeps the number and the names of the columns. Inputs are encoded if they are a data frame that holds
    anything but numbers, if cells are missing, if ``categorical_features`` names columns, or if ``numeric_encoding``
    changes numbers.
    """
    X = unencoded(estimator, X)
    return (X.encoded(), X.encoder) if isinstance(X, ColumnInputs) else (X, None)


def unencoded(estimator, X):
    """Return inputs for a training that begins as `fitted` does, but as `ColumnInputs` where they are to be encoded."""
    X = with_rows(X)
    estimator.inputs_ = FittedInputs(_column_names(X), frame_columns.is_frame(X))
    chosen = estimator.categorical_features
    chosen = np.asarray([] if chosen is None or isinstance(chosen, str) else chosen)
    encoding, *others = searched_names(estimator.numeric_encoding)
    is_encoded = chosen.size > 0 or encoding != "standard"
    if others:  # of which sparse inputs, which are not encoded, have the standard one
        is_encoded = not issparse(X)
    check(X)
    if estimator.inputs_.is_frame and (is_encoded or not _holds_numbers(X)):
        columns = _columns_of_frame(estimator, X, reset=True)
    else:
        X = _numbers(estimator, X, reset=True)
        if not is_encoded and (issparse(X) or not checks.has_nan(X)):
            if not issparse(X):
                estimator.inputs_ = estimator.inputs_._replace(medians=[median(column) for column in X.T])
            return X
        columns = _columns_of_array(estimator, X)
    categorical = _names(chosen, list(columns))
    encoder = Encoder.fit_columns(columns, categorical=categorical, numeric_encoding=encoding)
    return ColumnInputs(columns, encoder)


def encoded(estimator, X, encoder):
    """Return inputs (n, n_in) for an estimator that is fitted, whose encoder is `encoder` or None."""
    check(X)
    X = _in_fitted_order(estimator, with_rows(X))
    if encoder is None:
        X = _numbers(estimator, X, reset=False)
        if issparse(X) or estimator.inputs_.medians is None or not checks.has_nan(X):
            return X
        encoder, columns = number_encoder(estimator), _columns_of_array(estimator, X)
    elif frame_columns.is_frame(X) and estimator.inputs_.is_frame:
        columns = _columns_of_frame(estimator, X, reset=False)
    else:  # the columns of an array are told by their positions, in a frame as well
        columns = _columns_of_array(estimator, _numbers(estimator, X, reset=False))
    return encoder.inputs_of(columns)


def number_encoder(estimator):
    """Return an `Encoder` that leaves numbers as they are, and puts the median of the fitted rows where one lacks."""
    medians = estimator.inputs_.medians or [None] * estimator.n_features_in_
    plans = (NumberPlan(name, center=center) for name, center in zip(_names_of_inputs(estimator), medians))
    return Encoder(list(plans))


def target_name(y):
    """Return the name of targets that are a column of a frame, or several, else "target"."""
    return ", ".join(_names_of_targets(y)) or "target"


def target_column(y):
    """Return ", column 'price'," where `y` is a column of a frame with a name, else nothing, for messages."""
    names = _names_of_targets(y)
    return f", column {names[0]!r}," if len(names) == 1 else ""


def _names_of_targets(y):
    """Return the names of a series or of the columns of a frame, as far as they are words, a list."""
    names = getattr(y, "columns", None)
    names = [getattr(y, "name", None)] if names is None else names
    return [name for name in names if isinstance(name, str) and name]


def given_targets(X, y, sample_weight=None):
    """Return targets as they were given, but of a dtype that scikit-learn takes as it is: see `plain_targets`.

    Masked elements are refused, because scikit-learn would take what lies below the mask. Rows that have the same
    labels as those of X in another order are warned of.
    """
    checks.refuse_masked(y, "y")
    checks.refuse_masked(sample_weight, "sample_weight")
    frame_columns.warn_of_another_order(X, (y, sample_weight))
    return plain_targets(with_rows(y))


def checked_weights(X, sample_weight):
    """Return weights of the rows of X, (n,) float64, or None if there are none; refuse those that are all 0."""
    if sample_weight is None:
        return None
    weights = _check_sample_weight(sample_weight, X, dtype=np.float64)
    if not (weights > 0).any():
        raise ValueError("sample_weight is above zero for no row: give at least one row a weight above zero.")
    return weights


def with_rows(table):
    """Return an Arrow table in place of one that only gives an Arrow C stream, such as a relation of DuckDB.

    scikit-learn takes rows of the others.
    """
    has_rows = not hasattr(table, "__arrow_c_stream__") or hasattr(table, "__array__")
    return table if has_rows else arrow_columns.require().table(table)


def plain_targets(y):
    """Return whole numbers and bools that are objects or in nullable or Arrow columns, as those of NumPy.

    scikit-learn makes float64 of such columns, which rounds whole numbers above 2**53, and refuses objects. All other
    targets are returned as they are.

    Examples
    --------
    >>> import numpy as np
    >>> from fastprop.estimators.inputs import plain_targets
    >>> plain_targets(np.array([2**60, 2**60 + 1], object))
    array([1152921504606846976, 1152921504606846977])
    """
    if isinstance(y, np.ndarray) and y.dtype.kind == "O":
        return _plain_objects(y)
    return frame_columns.plain_numbers(y, _plain_objects)


def _plain_objects(y):
    """Return an array of objects that are all numbers or bools as one of these, unless it would round whole numbers."""
    kinds = set(map(type, y.flat))
    if not kinds or not all(issubclass(kind, (int, float, np.bool_, np.integer, np.floating)) for kind in kinds):
        return y
    plain = np.array(y.tolist())
    are_whole = not any(issubclass(kind, (float, np.floating)) for kind in kinds)
    return y if plain.dtype.kind == "f" and are_whole else plain


def refuse_targets(y, column, is_numeric):
    """Refuse targets that cannot be learned; `column` is their name in messages, and numbers are asked for or not."""
    _refuse_dates(y, column)
    _refuse_missing(y, column)
    if is_numeric:
        _refuse_words(y, column)


def _refuse_dates(y, column):
    """Refuse targets that are an array or a series of dates or times; `column` is their name in messages."""
    if getattr(getattr(y, "dtype", None), "kind", "") in ("m", "M"):
        raise ValueError(f"y{column} holds dates or times, which have no unit: give numbers, such as days since a day.")


def _refuse_words(y, column):
    """Refuse targets with a cell that is no number; `column` is their name in messages."""
    values = np.asarray(y)
    if values.dtype.kind not in "OUS":
        return
    for row, cell in enumerate(values.reshape(len(values), -1)[:, 0]):
        try:
            float(cell)
        except OverflowError:
            raise ValueError(
                f"y{column} holds an int in row {row} that is too large for float64: divide by a constant."
            ) from None
        except (ValueError, TypeError):
            raise ValueError(
                f"y{column} holds {cell!r} in row {row}, which is no number: give numbers, or fit a classifier."
            ) from None


def _refuse_missing(y, column):
    """Refuse targets with a missing cell, of a frame or None; scikit-learn refuses NaN in arrays."""
    if hasattr(y, "isna"):
        missing = y.isna()
    elif frame_columns.library(y) == "polars":
        missing = np.stack([each.is_null() for each in y.get_columns()], axis=1)
    elif hasattr(y, "is_null"):
        missing = y.is_null()
    elif isinstance(y, (list, tuple)) or (isinstance(y, np.ndarray) and y.dtype.kind == "O"):
        missing = [each is None for each in y]
    else:
        return
    missing = np.asarray(missing).reshape(len(y), -1).any(axis=1)
    if missing.any():
        raise ValueError(
            f"y{column} has no value in {np.count_nonzero(missing)} of {len(y)} rows, the first in row "
            f"{missing.argmax()}: remove such rows."
        )


def _numbers(estimator, X, reset):
    """Return inputs of numbers (n, n_in), an array or a sparse matrix in rows; the estimator checks or keeps names."""
    if isinstance(X, np.ndarray) and X.dtype.kind in "OU" and X.ndim == 2:
        _refuse_words_of_array(X)
    return validate_data(estimator, X, reset=reset, accept_sparse="csr", dtype="numeric", ensure_all_finite="allow-nan")


def _refuse_words_of_array(X):
    """Refuse an array (n, n_in) of words or objects of which a cell is a word that is no number."""
    for row, column in np.argwhere(np.vectorize(lambda cell: isinstance(cell, str) and not is_number(cell))(X))[:1]:
        raise ValueError(
            f"X holds {str(X[row, column])!r} in row {row}, column {column}, which is no number: give a data frame, "
            "whose words are categories."
        )


def _in_fitted_order(estimator, X):
    """Return inputs with columns in the order of `fit`, if they are a frame whose labels are numbers.

    scikit-learn refuses words in another order, and leaves labels of other kinds to us.
    """
    has_numbers = frame_columns.library(X) == "pandas" and not any(isinstance(label, str) for label in X.columns)
    if not has_numbers or X.shape[1] != estimator.n_features_in_:
        return X
    order = order_of_columns(tuple(X.columns), tuple(estimator.inputs_.names or position_names(X.shape[1])))
    return X if order is None else X.iloc[:, order]


def _column_names(X):
    """Return the names of the columns of a frame, as tables have them, or None for an array."""
    return [str(name) for name in X.columns] if frame_columns.library(X) is not None else None


def _columns_of_frame(estimator, X, reset):
    validate_data(estimator, X, reset=reset, skip_check_array=True)
    return named_columns(X)


def _columns_of_array(estimator, X):
    """Return the columns of an array of numbers, a dict of `Column` by name."""
    if issparse(X):
        raise TypeError("X is sparse, but has columns to encode: make it dense, such as by X.toarray().")
    return array_columns(_names_of_inputs(estimator), X)


def _names_of_inputs(estimator):
    """Return the names of the columns of a frame that was fitted, or x0, x1, …, (n_in,)."""
    names = getattr(estimator, "feature_names_in_", estimator.inputs_.names)
    return [f"x{index}" for index in range(estimator.n_features_in_)] if names is None else names


def check(X):
    """Refuse masked elements, frames without columns, and columns of pandas that have one name."""
    checks.refuse_masked(X, "X")
    if frame_columns.library(X) is not None:
        if len(X.columns) == 0:
            raise ValueError("X is a frame without columns: give at least one.")
        checks.different_columns(tuple(X.columns))


def _holds_numbers(frame):
    """Return whether all columns of a frame of pandas or polars are numbers without a gap."""
    if frame_columns.library(frame) is None:
        return False
    columns = (column for _, column in frame_columns.number_columns(frame))
    return all(column.kind in ("numbers", "complex numbers") and column.missing == 0 for column in columns)


def _names(chosen, names):
    """Return the names of the columns that `chosen` names, counts, or marks by True."""
    if chosen.dtype == bool:
        if len(chosen) != len(names):
            raise ValueError(f"categorical_features marks {len(chosen)} columns, but X has {len(names)}: mark each.")
        return [name for name, is_chosen in zip(names, chosen) if is_chosen]
    if chosen.dtype.kind in "iu":
        if not 0 <= chosen.min() <= chosen.max() < len(names):
            raise ValueError(
                f"categorical_features holds {chosen.tolist()}: count the {len(names)} columns of X from 0."
            )
        return [names[index] for index in chosen]
    return [str(name) for name in chosen]
