"""Benchmarks: the workloads (`cases`), the trainers that are compared on them (`peers`), and the suites of asv.

The trainers are in `contestants`, and for searches in `grid_search` and `study`. `tabular` compares methods
on `tables`.
"""

import os

# With asv, each commit keeps its kernels in a folder of its own: none is run for another commit, and none is compiled
# again when `asv continuous` goes back and forth between two. Numba reads this name when it is imported.
if "ASV_COMMIT" in os.environ:
    os.environ["NUMBA_CACHE_DIR"] = os.path.join(os.environ["ASV_ENV_DIR"], "kernels", os.environ["ASV_COMMIT"])
