"""Where tables come from: CSV, Parquet, Feather, npz and npy files, and data frames."""

from pathlib import Path

from fastprop.checks import shown
from fastprop.files import refusing
from fastprop.integrations import arrow_files, frame_columns
from fastprop.tabular import columns, csv_files, dialect, npz_files
from fastprop.tabular.column_table import Choice, ColumnTable
from fastprop.tabular.encoder import named_columns

CSV_ENDINGS = ".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz"
"""Endings of CSV files."""

ENDINGS = (*CSV_ENDINGS, *arrow_files.ENDINGS, ".npz", ".npy")
"""Endings of the files that can be read."""


def read(source, choice=None):
    """Return the `ColumnTable` of a file or data frame; of an npz or npy file, which has no columns, its `Table`.

    Parameters
    ----------
    source : str, Path or data frame
    choice : Choice, optional
    """
    choice = choice or Choice()
    if frame_columns.is_frame(source):
        return _of_columns("the table", named_columns(source), choice)
    path = checked_path(source)
    if is_array_file(source):
        if choice._replace(target=None) != Choice():
            raise ValueError(
                f"{path} has arrays without names of columns: leave out drop and features, or categorical and numeric."
            )
        return npz_files.read_npz(path, choice.target) if path.suffix == ".npz" else npz_files.read_npy(path, choice)
    if path.name.lower().endswith(arrow_files.ENDINGS):
        return _of_columns(path, _arrow_columns(path), choice)
    return csv_files.read_csv(path, choice)


def read_columns(source, names=None, as_words=()):
    """Return columns of a file or data frame, a dict of `Column` by name, by default all.

    `as_words` are columns of a CSV file that are read as words, whatever they hold.
    """
    if frame_columns.is_frame(source):
        return named_columns(source)
    path = checked_path(source)
    if path.name.lower().endswith(arrow_files.ENDINGS):
        found = _arrow_columns(path)
        return {name: found[name] for name in columns.checked(path, list(found), names or found)}
    return csv_files.read_csv_columns(path, names, as_words)


def column_names(source):
    """Return the names of the columns of a file or data frame, a list; it is empty for arrays."""
    if not frame_columns.is_frame(source):
        path = checked_path(source)
        if is_array_file(source):
            return []
        if not path.name.lower().endswith(arrow_files.ENDINGS):
            return dialect.detect(path).columns
    return list(read_columns(source))


def checked_path(source):
    """Return the path of a file that can be read; ValueError if it is missing or of another kind."""
    if not isinstance(source, (str, Path)):
        raise TypeError(f"a table must be the path of a file or a data frame, not {shown(source)}: give one of these.")
    path = Path(source)
    if not path.is_file():
        raise ValueError(
            f"there is no file {path}: check the path, or say 'digits' for the data that ships with fastprop."
        )
    if not path.name.lower().endswith(ENDINGS):
        raise ValueError(f"{path} must end in {', '.join(ENDINGS)}: convert the file.")
    return path


def is_array_file(source):
    """Return whether a file holds arrays, without names of columns; ValueError if it is missing or of another kind."""
    return not frame_columns.is_frame(source) and checked_path(source).suffix.lower() in (".npz", ".npy")


def read_array(source, features=None):
    """Return the inputs in a file of arrays, see `npz_files.read_inputs`."""
    return npz_files.read_inputs(checked_path(source), features)


def _arrow_columns(path):
    """Return the columns of a Parquet or Feather file, a dict of `Column` by name."""
    with refusing(path, f"{path.suffix[1:]} file", "write it anew"):
        return named_columns(arrow_files.read(path))


def _of_columns(source, found, choice):
    names, target = columns.chosen(source, list(found), choice)
    answer = found[target]
    if len(answer.values) == 0:
        raise ValueError(f"{source} has no rows: give at least one.")
    if answer.missing:
        raise ValueError(
            f"{source} has no target in {answer.missing} of {len(answer.values)} rows, column {target!r}: remove such "
            "rows, or name another target."
        )
    if answer.kind in ("dates", "other"):
        raise ValueError(f"{source} has {answer.kind} in column {target!r}, the target: name another.")
    return ColumnTable({name: found[name] for name in names}, target, answer, choice)
