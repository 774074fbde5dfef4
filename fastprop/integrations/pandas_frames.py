"""pandas: tables as data frames (extra ``pandas``)."""


def frame(table):
    """Return a structured array as a ``pandas.DataFrame``; ImportError if pandas is not installed."""
    try:
        import pandas
    except ImportError as error:
        raise ImportError("data frames need pandas: pip install pandas.") from error
    return pandas.DataFrame({name: table[name] for name in table.dtype.names})
