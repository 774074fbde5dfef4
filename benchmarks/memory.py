"""asv suite: the memory that training takes. Another process compiles the kernels, because that takes more memory."""

import tracemalloc

from fastprop.kernels import epochs

from .cases import WORKLOADS, make_data
from .suites import make_network
from .training import prepare, train


class Training:
    """Measures an epoch on one thread."""

    params = (["T5", "T6"],)
    param_names = ("workload",)
    unit = "bytes"

    def setup_cache(self):
        for name in self.params[0]:
            prepare(name, 1)

    def setup(self, name):
        self.workload = WORKLOADS[name]
        self.data, self.network = make_data(self.workload), make_network(self.workload)

    def train(self):
        train(self.network, self.workload, self.data, 1, threads=1)

    def peakmem_training(self, name):
        self.train()

    def track_memory_beside_the_data(self, name):
        """Return the memory that Python and NumPy allocate, in bytes; kernels cannot allocate."""
        self.train()  # fetches the kernels
        tracemalloc.start()
        self.train()
        return tracemalloc.get_traced_memory()[1]

    def teardown(self, name):
        assert not epochs.train.stats.cache_misses, "a kernel was compiled in the process that is measured"
