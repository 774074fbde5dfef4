"""A sweep as a page of HTML that needs no other file: what came of it, a table to be sorted, pictures."""

import base64
import io
from html import escape

from fastprop import atomic_files
from fastprop.formatting import columns, counts, ranking, short, speed, value_name, words
from fastprop.integrations import plotting

ROWS = 200
"""How many of the best rows are on a page."""

PICTURES = 6
"""Of how many hyperparameters, at most, there is a picture of their own."""


def write(path, result):
    """Write a page about a result; ImportError if Matplotlib is not installed, OSError if it cannot be written."""
    text = _page(result)
    with atomic_files.replacing(path, "report") as file:
        file.write(text.encode())


def summary(result, rows):
    """Return a result in a few lines, for a notebook."""
    names = escape(words(", ".join(result.hyperparameters)))
    about = f"{len(result.table):,} configurations of {names}: {escape(counts(result))}, {escape(speed(result))}; "
    return f"<p>{about}{escape(ranking(result))} first</p>{_table(result, rows)}"


def _page(result):
    names = words(", ".join(result.hyperparameters))
    parts = [f"<h1>Sweep of {escape(names)}</h1>", _facts(result)]
    parts += [f"<h2>Best configuration</h2>{_best(result)}"] if result.finished.any() else []
    parts += [_picture(result, *each) for each in _pictures(result)]
    shown = min(ROWS, len(result.table))
    which = (
        f"The best {shown:,} of {len(result.table):,} configurations"
        if shown < len(result.table)
        else "All configurations"
    )
    parts += [f"<h2>{which}</h2><p class=hint>A click on a column's head sorts by it.</p>", _table(result, shown)]
    parts += ["<h2>What it ran on</h2>", _list(result.about)]
    return _PAGE.format(title=escape(f"Sweep of {names}"), style=_STYLE, body="\n".join(parts), script=_SCRIPT)


def _facts(result):
    """What stands out, in boxes."""
    facts = {"configurations": f"{len(result.table):,}", "ended": counts(result), "took": speed(result)}
    if result.finished.any():
        best = result.best
        facts[ranking(result)] = short(best[result.ranks])
        if result.ranks != "score" and best["score"] == best["score"]:
            facts[f"its {value_name(result, 'score')}"] = short(best["score"])
    boxes = [f"<div><b>{escape(value)}</b><span>{escape(name)}</span></div>" for name, value in facts.items()]
    return f"<div class=facts>{''.join(boxes)}</div>"


def _best(result):
    return _list({words(name): short(result.best[name]) for name in result.hyperparameters})


def _list(values):
    items = [f"<dt>{escape(str(name))}</dt><dd>{escape(str(value))}</dd>" for name, value in values.items()]
    return f"<dl>{''.join(items)}</dl>"


def _pictures(result):
    """Yield the heading, kind and hyperparameters of each picture that tells something."""
    names = [name for name in result.hyperparameters if name != "seed"] or result.hyperparameters
    for name in names[:PICTURES]:
        yield f"Loss and score against {words(name)}", "score", [name]
    if len(names) > 1:
        yield f"{words(names[0]).capitalize()} and {words(names[1])}", "heat_map", names[:2]
    if len(names) > 2:
        yield "All hyperparameters", "parallel_coordinates", names
    if result.history.shape[1] > 1:
        yield "Learning curves", "learning_curves", names[:1]
    if len(result.rungs) > 1:
        yield "Rungs", "rungs", names[:1]


def _picture(result, heading, kind, names):
    file = io.BytesIO()
    plotting.sweep(result, file, kind, names, format="svg", metadata={"Date": None})
    data = base64.b64encode(file.getvalue()).decode()
    return f'<h2>{escape(heading)}</h2><img alt="{escape(heading)}" src="data:image/svg+xml;base64,{data}">'


def _table(result, rows):
    names = ["row", *columns(result)]
    head = "".join(f"<th>{escape(words(name))}</th>" for name in names)
    lines = []
    for number in result.ranking[:rows]:
        row = result.table[number]
        cells = [number, *(row[name] for name in names[1:])]
        lines.append(f"<tr>{''.join(map(_cell, cells))}</tr>")
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _cell(value):
    """A cell; what it is sorted by is the whole number, where that is not what is shown."""
    text, whole = escape(short(value)), str(value)
    return f'<td data-value="{whole}">{text}</td>' if isinstance(value, float) and whole != text else f"<td>{text}</td>"


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
<script>{script}</script>
</body>
</html>
"""

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin-top: 2.5rem; }
.facts { display: flex; flex-wrap: wrap; gap: 0.8rem; }
.facts div { background: #f3f5f7; border-radius: 6px; padding: 0.5rem 1rem; display: flex; flex-direction: column; }
.facts b { font-size: 1.1rem; } .facts span, .hint, dt { color: #667; font-size: 0.85rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.2rem 1.2rem; } dd { margin: 0; }
img { width: 100%; max-width: 50rem; height: auto; }
table { border-collapse: collapse; display: block; overflow-x: auto; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 0.25rem 0.7rem; border-bottom: 1px solid #e4e7ea; white-space: nowrap; }
th { cursor: pointer; background: #f3f5f7; position: sticky; top: 0; } tbody tr:hover { background: #eef4fb; }
@media print { body { max-width: none; } th { position: static; } }
"""

_SCRIPT = """
const value = (row, column) => row.cells[column].dataset.value ?? row.cells[column].textContent;
document.querySelectorAll("th").forEach((head, column) => head.addEventListener("click", () => {
  const body = head.closest("table").tBodies[0], down = head.dataset.down = head.dataset.down === "1" ? "" : "1";
  const compare = (a, b) => {
    const x = value(a, column), y = value(b, column), difference = x - y;
    return (x === "nan") - (y === "nan") || (down ? 1 : -1) * (isNaN(difference) ? x.localeCompare(y) : difference);
  };
  body.append(...[...body.rows].sort(compare));
}));
"""
