"""A sweep's journal: a file of the outcomes of configurations, from which an interrupted sweep goes on.

The first line of the file says what all configurations have in common, such as the data, so that no sweep takes results
from the journal of another. A line follows for each configuration at each rung, in the order in which they were done.
Which configurations a sweep has does not matter: each takes what is recorded of it, and the others are trained.

The journal of a search also has a line for each trial of the study, so that the study can be told what became of it.
"""

import base64
import json
from collections import defaultdict, deque
from typing import NamedTuple

import numpy as np

from fastprop.files import refusing
from fastprop.sweeping.configuration_outcomes import ConfigurationOutcome
from fastprop.sweeping.endings import ENDINGS
from fastprop.sweeping.journal_file import JournalFile, first_entry
from fastprop.sweeping.journal_header import Known, differences, text

HEADER = "fastprop sweep"
"""The field of the first line, whose value is what `journal_header.describe` returns."""

RECORDED = (
    *("score", "score_std", "loss", "validation_loss", "epochs", "final_epochs", "stopped", "seconds"),
    *("fold_scores", "fold_seconds", "history"),
)
"""Fields of a line that are also fields of a `ConfigurationOutcome`.

The other fields are ``configuration``, the index in the sweep that wrote the line; ``rung``, the epoch to which it was
trained; ``hyperparameters``, the values that the grid gives; and ``network``, the parameters in base64, where the
network was kept.
"""


class RecordedTrial(NamedTuple):
    """A trial of a study, for which a sweep has asked."""

    number: int  # its number in the study
    started: str  # the time at which it was asked for, by which it is told from a trial of another study
    batch: int  # which of the sweep's batches it is in


class RecordedStudy(NamedTuple):
    """What a journal knows of a study."""

    running: list[int]  # numbers of the trials that were running before the sweep asked for any
    trials: list[RecordedTrial]  # those for which the sweep has asked, in the order of its rows


def recorded_epochs(path):
    """Return how many epochs the sweep of the journal at a path has, or None if there is no journal that tells."""
    try:
        return int(_known(first_entry(path)[HEADER]["epochs"]).text)
    except (ValueError, KeyError, TypeError):
        return None


class Journal:
    """The outcomes of the configurations of a sweep, in the file at `path`.

    `description` is that of the sweep, see `journal_header.describe`. An outcome that is added is in the file after the
    next `flush`. The journal is a context, to be entered by `interrupts.around`; the file is open in the block.
    """

    def __init__(self, path, description):
        self._description = description
        self._recorded = defaultdict(deque)  # by `_key`: the outcome and the network's parameters or None
        self._studies = {}  # by name
        self._added = deque()
        self._path = path
        self._file = None

    def __enter__(self):
        """Open the file, which `read` then reads."""
        self._file = JournalFile(self._path)
        return self

    def __exit__(self, *error):
        self._file.close()
        self._file = None

    def read(self):
        """Read the file; ValueError if it is not that of this sweep, or damaged."""
        plain = {name: each if each.digest else each.text for name, each in self._description.items()}
        self._file.read({HEADER: plain}, self._check_header, self._take_in)

    def take(self, values, rung):
        """Return, and forget, what is recorded of a configuration of these hyperparameter values, trained to a rung.

        Returns
        -------
        tuple or None
            (`ConfigurationOutcome`, bytes of the network's parameters or None), if anything is recorded.
        """
        recorded = self._recorded and self._recorded.get(_key(_plain(values), rung))
        return recorded.popleft() if recorded else None

    def add(self, index, rung, values, outcome, network):
        """Add the outcome of a configuration, trained to the epoch `rung`, and its network if there is one."""
        self._added.append(lambda: _entry(index, rung, values, outcome, network))

    def study(self, name):
        """Return the `RecordedStudy` of a name, or None."""
        return self._studies.get(name)

    def begin_study(self, name, running):
        """Record that a search of a study begins, and which of its trials are `running`; forget an earlier search."""
        self._added.append(lambda: {"study": name, "running": running})

    def add_trial(self, name, trial):
        """Record that a search has asked a study for a `RecordedTrial`."""
        self._added.append(lambda: {"study": name, **trial._asdict()})

    def refusing(self):
        """Return a context that refuses the journal, by its name, for an exception that a recorded outcome leads to."""
        return refusing(self._path, "journal of this sweep", "name another file")

    def flush(self, is_durable=True):
        """Write what was added; OSError if it cannot be written. See `JournalFile.write`."""
        while self._added:
            self._file.append(self._added[0]())
            self._added.popleft()  # after the append, so that after Ctrl-C the entry may be there twice but is not lost
        self._file.write(is_durable)

    def _check_header(self, entry):
        try:
            recorded = {name: _known(value) for name, value in entry[HEADER].items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{self._file.path} is no journal of a sweep: name another file.") from error
        if differing := differences(recorded, self._description):
            raise ValueError(
                f"{self._file.path} is the journal of another sweep, whose {differing}: "
                "give what it was given, or name another file."
            )

    def _take_in(self, entry):
        if "number" in entry:
            self._studies[entry["study"]].trials.append(RecordedTrial(*(entry[name] for name in RecordedTrial._fields)))
            return
        if "study" in entry:
            self._studies[entry["study"]] = RecordedStudy(entry["running"], [])
            return
        outcome = _outcome(entry)
        parameters = base64.b64decode(entry["network"], validate=True) if "network" in entry else None
        self._recorded[_key(entry["hyperparameters"], entry["rung"])].append((outcome, parameters))


def _entry(index, rung, values, outcome, network):
    entry = {"configuration": int(index), "rung": rung, "hyperparameters": _plain(values)}
    entry |= {name: getattr(outcome, name) for name in RECORDED}
    entry["history"] = outcome.history.tolist()
    if network is not None:
        entry["network"] = base64.b64encode(network.flat_parameters).decode()
    return entry


def _outcome(entry):
    """Return the outcome of an entry; ValueError, KeyError or TypeError if a field has no value of its kind."""
    fields = {name: entry[name] for name in RECORDED}
    for name in ("score", "score_std", "loss", "validation_loss", "seconds"):
        fields[name] = _number(fields[name])
    for name in ("fold_scores", "fold_seconds"):
        fields[name] = tuple(map(_number, fields[name]))
    fields["history"] = np.array([_number(loss) for loss in fields["history"]])
    if not all(type(fields[name]) is int and fields[name] >= 0 for name in ("epochs", "final_epochs")):
        raise ValueError("epochs are no whole numbers")
    if fields["stopped"] not in ENDINGS or len(fields["history"]) != fields["epochs"]:
        raise ValueError("the history is not that of the epochs")
    return ConfigurationOutcome(**fields)


def _number(value):
    if type(value) is not float and not (type(value) is int and -(2**63) < value < 2**63):
        raise ValueError(f"{value!r} is no number")
    return float(value)


def _known(entry):
    return Known(*entry) if isinstance(entry, list) else Known(str(entry))


def _key(hyperparameters, rung):
    """Return what tells a configuration at a rung from all others of the sweep."""
    return rung, json.dumps(hyperparameters, sort_keys=True)


def _plain(values):
    """Return hyperparameter values that JSON can hold: numbers, strings and None unchanged, all else as a string."""
    plain = {}
    for name, value in values.items():
        value = value.item() if isinstance(value, np.generic) else value
        plain[name] = value if isinstance(value, (int, float, str, type(None))) else text(value)
    return plain
