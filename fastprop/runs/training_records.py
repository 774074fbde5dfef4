"""What a network knows of its training: options and rows, in values that JSON can hold."""

from dataclasses import fields, is_dataclass

from fastprop.runs.training_options import TrainingOptions

UNTOLD = "callback", "gradient_norm", "metrics", "checkpoint"
"""Options that change no weights."""

ALWAYS = "epochs", "batch_size", "seed", "loss", "optimizer", "schedule"
"""Options that are told whatever they are; others are where they are not as they are by default."""


def record(options, rows, held_out, **others):
    """Return what is known of a training, by name.

    Parameters
    ----------
    options : TrainingOptions
    rows, held_out : int
        The numbers of rows that were trained on, and held out.
    **others
        Arguments of the training that are none of the options.

    Examples
    --------
    >>> import fastprop as fp
    >>> from fastprop.runs.training_records import record
    >>> told = record(fp.runs.TrainingOptions(3, optimizer=fp.SGD(0.5)), 90, 10)
    >>> told["epochs"], told["optimizer"]["name"], told["optimizer"]["learning_rate"], told["rows"]
    (3, 'SGD', 0.5, 90)
    """
    defaults = TrainingOptions._field_defaults
    told = {
        name: json_value(value)
        for name, value in options._asdict().items()
        if name in ALWAYS or (name not in UNTOLD and value != defaults[name])
    }
    told |= {name: json_value(value) for name, value in others.items() if value is not None}
    return told | {"rows": rows, "held_out_rows": held_out}


def json_value(value):
    """Return a value of an option as JSON has it: an option is an object of its name and its fields."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if is_dataclass(value):
        return {"name": type(value).__name__} | {
            each.name: json_value(getattr(value, each.name)) for each in fields(value)
        }
    if isinstance(value, (list, tuple)):
        return [json_value(each) for each in value]
    if isinstance(value, dict):
        return {str(name): json_value(each) for name, each in value.items()}
    return value.tolist() if hasattr(value, "tolist") else str(value)
