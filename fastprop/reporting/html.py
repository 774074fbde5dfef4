"""Writes a ranked table as an HTML page without other files: facts, pictures, and a table that can be sorted."""

import base64
import io
from html import escape

import numpy as np

from fastprop import files
from fastprop.reporting import plotting
from fastprop.reporting.formatting import short, words

MAX_ROWS = 200
"""The largest number of rows on a page, which are the best ones."""

MAX_SCORE_PICTURES = 6
"""The largest number of hyperparameters that have a picture each, which are the first ones."""


def write(path, ranked):
    """Write a page about a `RankedTable`.

    Raises
    ------
    ImportError
        If Matplotlib is not installed.
    OSError
        If the file cannot be written.
    """
    write_page(path, *_page(ranked))


def write_page(path, title, parts):
    """Write a page of a title and parts, which are HTML; OSError if the file cannot be written."""
    page = _PAGE.format(title=escape(title), style=_STYLE, body="\n".join(parts), script=_SCRIPT)
    with files.replacing(path, "report") as file:
        file.write(page.encode())


def facts(values):
    """Return a box for each value, with its name below it; both are text."""
    boxes = [f"<div><b>{escape(value)}</b><span>{escape(name)}</span></div>" for name, value in values.items()]
    return f"<div class=facts>{''.join(boxes)}</div>"


def picture(heading, draw, *arguments):
    """Return a heading and a picture that ``draw(file, *arguments, **options)`` draws, with options of ``savefig``."""
    file = io.BytesIO()
    draw(file, *arguments, format="svg", metadata={"Date": None})
    data = base64.b64encode(file.getvalue()).decode()
    return f'<h2>{escape(heading)}</h2><img alt="{escape(heading)}" src="data:image/svg+xml;base64,{data}">'


def sorting_table(names, rows):
    """Return a table of rows of values under the names of columns, by each of which it can be sorted."""
    return _html_table(names, rows, _sorting_head)


def table(heading, columns, rows):
    """Return a heading and a table of rows under the names of columns, for a notebook."""
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    body = "".join(f"<tr>{''.join(f'<td>{escape(short(cell))}</td>' for cell in row)}</tr>" for row in rows)
    return f"<p>{escape(heading)}</p><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def summary(ranked, rows):
    """Return a `RankedTable` as a line and a table of the best rows, for a notebook."""
    return f"<p>{escape(ranked.summary())}; {escape(ranked.order())} first</p>{_table(ranked, rows, _head)}"


def _page(ranked):
    """Return the title and the parts of a page."""
    title = f"Sweep of {words(', '.join(ranked.hyperparameters))}"
    rows = len(ranked.table)
    parts = [f"<h1>{escape(title)}</h1>", _facts(ranked)]
    if ranked.can_be_best.any():
        best = {words(name): short(ranked.best[name]) for name in ranked.hyperparameters}
        parts.append(f"<h2>Best configuration</h2>{_list(best)}")
    parts += [_picture(ranked, *each) for each in _pictures(ranked)]
    heading = f"The best {MAX_ROWS:,} of {rows:,} configurations" if rows > MAX_ROWS else "All configurations"
    parts.append(f"<h2>{heading}</h2><p class=hint>The name of a column is a button that sorts by it.</p>")
    parts.append(_table(ranked, MAX_ROWS, _sorting_head))
    parts += ["<h2>What it ran on</h2>", _list(ranked.about)]
    return title, parts


def _facts(ranked):
    """Return boxes with how many configurations there are, how they ended, and what the best one reached."""
    found = {"configurations": f"{len(ranked.table):,}", "ended": ranked.counts(), "took": ranked.duration()}
    if ranked.can_be_best.any():
        best = ranked.best
        found[ranked.order()] = short(best[ranked.ranked_by])
        if ranked.ranked_by != "score" and not np.isnan(best["score"]):
            found[f"its {ranked.title('score')}"] = short(best["score"])
    return facts(found)


def _list(values):
    items = [f"<dt>{escape(str(name))}</dt><dd>{escape(str(value))}</dd>" for name, value in values.items()]
    return f"<dl>{''.join(items)}</dl>"


def _pictures(ranked):
    """Yield the heading, kind and hyperparameters of each picture that has something to show."""
    names = [name for name in ranked.hyperparameters if name != "seed"] or ranked.hyperparameters
    for name in names[:MAX_SCORE_PICTURES]:
        yield f"Loss and score against {words(name)}", "score", [name]
    if len(names) > 1:
        yield f"{words(names[0]).capitalize()} and {words(names[1])}", "heat_map", names[:2]
    if len(names) > 2:
        yield "All hyperparameters", "parallel_coordinates", names
    if ranked.history.shape[1] > 1:
        yield "Learning curves", "learning_curves", names[:1]
    if len(ranked.rungs) > 1:
        yield "Rungs", "rungs", names[:1]


def _picture(ranked, heading, kind, names):
    return picture(heading, plotting.draw, ranked, kind, names)


def _head(name):
    return f"<th>{escape(words(name))}</th>"


def _sorting_head(name):
    """Return the head of a column that sorts by it when it is clicked, or chosen and pressed on the keyboard."""
    return f'<th scope="col" aria-sort="none"><button type="button">{escape(words(name))}</button></th>'


def _table(ranked, rows, head_of):
    """Return a table of the best rows, whose first column is their index; `head_of` makes the head of a column."""
    names = ranked.columns()
    best = ((index, ranked.table[index]) for index in ranked.ranking[:rows])
    return _html_table(["row", *names], ([index, *(row[name] for name in names)] for index, row in best), head_of)


def _html_table(names, rows, head_of):
    head = "".join(map(head_of, names))
    lines = [f"<tr>{''.join(map(_cell, cells))}</tr>" for cells in rows]
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _cell(value):
    """Return a cell; a float that is shown shortened keeps all digits in an attribute, by which rows are sorted."""
    text, exact = escape(short(value)), str(value)
    return f'<td data-value="{exact}">{text}</td>' if isinstance(value, float) and exact != text else f"<td>{text}</td>"


# The frame of a page, its style sheet, and the script that sorts the table.
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
th { padding: 0; background: #f3f5f7; position: sticky; top: 0; } tbody tr:hover { background: #eef4fb; }
th button { all: unset; cursor: pointer; display: block; width: 100%; box-sizing: border-box; padding: 0.25rem 0.7rem; }
th button:focus-visible { outline: 2px solid #1b6ac9; outline-offset: -2px; }
th button::after { content: "\\2195"; color: #99a; margin-left: 0.3em; }
th[aria-sort=ascending] button::after { content: "\\2191"; color: #222; }
th[aria-sort=descending] button::after { content: "\\2193"; color: #222; }
@media print { body { max-width: none; } th { position: static; } }
"""

_SCRIPT = """
const value = (row, column) => row.cells[column].dataset.value ?? row.cells[column].textContent;
const heads = [...document.querySelectorAll("th")];
heads.forEach((head, column) => head.firstElementChild.addEventListener("click", () => {
  const body = head.closest("table").tBodies[0];
  const order = head.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
  heads.forEach(other => other.setAttribute("aria-sort", other === head ? order : "none"));
  const compare = (a, b) => {
    const x = value(a, column), y = value(b, column), difference = x - y, sign = order === "ascending" ? 1 : -1;
    return (x === "nan") - (y === "nan") || sign * (isNaN(difference) ? x.localeCompare(y) : difference);
  };
  body.append(...[...body.rows].sort(compare));
}));
"""
