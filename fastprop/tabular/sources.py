"""Where tables come from: CSV, Parquet, Feather, npz and npy files, and data frames."""

from pathlib import Path

from fastprop import checks
from fastprop.checks import shown
from fastprop.integrations import arrow_files, frame_columns
from fastprop.tabular import columns, csv_files, dialect, npz_files
from fastprop.tabular.column_table import Choice, ColumnTable
from fastprop.tabular.encoder import named_columns
from fastprop.tabular.growing_columns import GrowingColumns

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
        found = named_columns(source)
        return _table("the table", found, columns.chosen("the table", list(found), choice), choice)
    path = checked_path(source)
    if is_array_file(source):
        if choice._replace(target=None) != Choice():
            names = [checks.argument(name) for name in Choice._fields if name != "target"]
            raise ValueError(
                f"{path} has arrays without names of columns: leave out {', '.join(names[:-1])} and {names[-1]}."
            )
        is_npz = path.suffix.lower() == ".npz"
        return npz_files.read_npz(path, choice.target) if is_npz else npz_files.read_npy(path, choice)
    if path.name.lower().endswith(arrow_files.ENDINGS):
        names, target = columns.chosen(path, column_names(path), choice)
        return _table(path, _arrow_columns(path, names, target), (names, target), choice)
    return csv_files.read_csv(path, choice)


def read_columns(source, names=None, as_words=(), as_levels=()):
    """Return columns of a file or data frame, a dict of `Column` by name, by default all.

    `as_words` are columns of a CSV file that are read as words, whatever they hold, and `as_levels` those whose numbers
    are levels of a category.
    """
    if frame_columns.is_frame(source):
        found = named_columns(source)
        wanted = list(found) if names is None else columns.checked("the table", list(found), names)
        return {name: found[name] for name in wanted}
    path = checked_path(source)
    if path.name.lower().endswith(arrow_files.ENDINGS):
        present = column_names(path)
        return _arrow_columns(path, columns.checked(path, present, present if names is None else names))
    return csv_files.read_csv_columns(path, names, as_words, as_levels)


def column_names(source):
    """Return the names of the columns of a file or data frame, a list; it is empty for arrays."""
    if frame_columns.is_frame(source):
        return list(named_columns(source))
    path = checked_path(source)
    if is_array_file(source):
        return []
    if not path.name.lower().endswith(arrow_files.ENDINGS):
        return dialect.detect(path).columns
    names = arrow_files.column_names(path)
    checks.different_columns(names, f"{path}")
    return names


def checked_path(source):
    """Return the path of a file that can be read; ValueError if it is missing or of another kind."""
    if not isinstance(source, (str, Path)):
        raise TypeError(f"a table must be the path of a file or a data frame, not {shown(source)}: give one of these.")
    path = Path(source)
    if path.is_dir():
        raise ValueError(f"{path} is a folder: give one of the files in it.")
    if not path.is_file():
        raise ValueError(
            f"there is no file {source}: check the path, or say 'digits' for the data that ships with fastprop."
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


def _arrow_columns(path, names, *others):
    """Return columns of a Parquet or Feather file, a dict of `Column` by name; `others` are in another matrix."""
    groups = GrowingColumns(len(names)), GrowingColumns(len(others))
    for block in arrow_files.read_blocks(path, [*names, *others]):
        groups[0].append(block, block.columns[: len(names)])
        groups[1].append(block, block.columns[len(names) :])
    return dict(zip([*names, *others], groups[0].columns() + groups[1].columns()))


def _table(source, found, chosen, choice):
    """Return the `ColumnTable` of columns, a dict of `Column` by name; `chosen` are the features and the target."""
    names, target = chosen
    answer = found[target]
    if len(answer.values) == 0:
        raise ValueError(f"{source} has no rows: give at least one.")
    if answer.missing:
        raise ValueError(
            f"{source} has no target in {answer.missing} of {len(answer.values)} rows, column {target!r}: remove such "
            "rows, or name another target."
        )
    if answer.kind in ("dates", "other"):
        held = answer.words[0] if answer.kind == "other" else answer.kind
        raise ValueError(f"{source} has {held} in column {target!r}, the target: name another.")
    features = {name: found[name] for name in names}
    columns.tell(columns.notes_on_counters(source, features, choice))
    return ColumnTable(features, target, answer, choice)
