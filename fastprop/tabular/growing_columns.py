"""`GrowingColumns`: columns that are read block by block, as the columns of one matrix."""

import numpy as np

from fastprop.integrations.arrow_columns import Column


class GrowingColumns:
    """Columns that grow by blocks of rows, as the columns of one matrix.

    Attributes
    ----------
    count : int
        The number of rows.
    kinds : list of set
        The kinds of cells that are in each column.
    infinite : set of int
        The positions of the columns with an infinite number.
    """

    def __init__(self, columns):
        self.count = 0
        self.kinds = [set() for _ in range(columns)]
        self.infinite = set()
        self._words = [{} for _ in range(columns)]  # by word, its code
        self._missing = np.zeros(columns, int)
        self._array = np.empty((0, columns))

    def append(self, block, columns):
        """Append some columns of a `Block` of rows."""
        first, self.count = self.count, self.count + block.rows
        if self.count > len(self._array):
            expected = int(1.02 * self.count / block.share)
            if expected < self.count:  # the file is packed
                expected = self.count * 3 // 2
            shape = expected, self._array.shape[1]
            if first == 0:
                self._array = np.empty(shape)  # `resize` would fill it with zeros
            else:
                self._array.resize(shape, refcheck=False)
        rows = np.empty(
            (block.rows, self._array.shape[1])
        )  # small enough for the cache, into which columns go by strides
        for index, column in enumerate(columns):
            self.kinds[index] |= {column.kind} - {"nothing"}
            self._missing[index] += column.missing
            values = column.values
            codes = self._words[index]
            code_of_index = [codes.setdefault(word, len(codes)) for word in column.words]
            if column.kind == "words":
                values = np.array([*code_of_index, np.nan])[values]
            if column.kind == "numbers" and np.isinf(values).any():
                self.infinite.add(index)
            rows[:, index] = values
        self._array[first : self.count] = rows

    def columns(self):
        """Return the `Column` of each; of one with several kinds of cells the values are of no use."""
        self._array.resize((self.count, self._array.shape[1]), refcheck=False)
        return [self._column(index, min(kinds, default="nothing")) for index, kinds in enumerate(self.kinds)]

    def _column(self, index, kind):
        values = self._array[:, index]
        if kind == "words":
            values = values.copy()  # side by side, which takes half the time
            values[np.isnan(values)] = -1
            values = values.astype(np.int64)
        is_finite = kind == "numbers" and index not in self.infinite
        return Column(kind, values, tuple(self._words[index]), int(self._missing[index]), is_finite)
