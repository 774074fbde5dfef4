"""JSON that may be anything: parsed, or refused by a ValueError."""

import json


def parsed(text):
    """Return the value of a JSON text, str or bytes.

    Raises
    ------
    ValueError
        If it is no JSON, has a name twice in one object, or is nested too deeply.
    """
    try:
        return json.loads(text, object_pairs_hook=_object)
    except RecursionError:
        raise ValueError("its description is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"its description is not as it was written, {error}") from None


def _object(pairs):
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is there twice")
    return found
