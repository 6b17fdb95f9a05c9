"""The table of a comparison, in Markdown, CSV, HTML and on the screen."""

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from html import escape

from rich import box
from rich.table import Table

SIGNIFICANT = 0.05
_NOTHING = "-"
# A terminal has no room for all columns; the files have.
_ON_SCREEN = ("micro-F1", "95 % interval", "MAP", "training s", "runs")
_LOWER_IS_BETTER = ("training s", "peak MiB", "GPU MiB")


@dataclass(frozen=True)
class Column:
    """Say what stands in a column.

    Parameters
    ----------
    heading : str
        Its name.

    show : callable
        Gives the text of a cell from a `Summary`.

    fields : callable
        Gives the cells of the CSV file, a dict of numbers by their names.

    rank : callable, default=None
        Gives a number of which the highest is best; None for what is no better or worse.
    """

    heading: str
    show: Callable
    fields: Callable
    rank: Callable | None = None

    def best(self, summaries):
        """Give the labels of the best rows, none where all are as good."""
        ranks = {s.label: self.rank(s) for s in summaries} if self.rank else {}
        ranks = {label: rank for label, rank in ranks.items() if rank is not None}
        if len(set(ranks.values())) < 2:
            return set()
        return {label for label, rank in ranks.items() if rank == max(ranks.values())}


def find_columns(summaries, against):
    """Give the columns of what there is to show."""
    metrics, costs = _names(summaries, "means"), _names(summaries, "costs")
    costs = [name for name in costs if any(s.costs.get(name) is not None for s in summaries)]
    columns = [_metric(name) for name in metrics]
    if metrics:
        columns[1:1] = [_INTERVAL] + ([_p_value(against)] if against else [])
    columns += [_cost(name) for name in costs]
    if any(s.n_done < s.n_runs for s in summaries):
        columns.append(_RUNS)
    return columns


def to_markdown(summaries, columns, caption):
    """Write the table as Markdown, the sentences of the caption below."""
    best = [column.best(summaries) for column in columns]
    lines = [["system", *(column.heading for column in columns)], ["---"] + ["---:"] * len(columns)]
    for s in summaries:
        cells = [
            f"**{column.show(s)}**" if s.label in labels else column.show(s)
            for column, labels in zip(columns, best, strict=True)
        ]
        lines.append([s.label, *cells])
    rows = [
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines
    ]
    return "\n".join([*rows, "", *(f"- {sentence}" for sentence in caption), ""])


def to_csv(summaries, columns):
    """Write the numbers of the table, in full."""
    rows = [
        {"system": s.label} | {k: v for column in columns for k, v in column.fields(s).items()}
        for s in summaries
    ]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def to_html(summaries, columns, caption):
    """Write the table as a page that loads nothing."""
    best = [column.best(summaries) for column in columns]
    head = "".join(f'<th scope="col">{escape(column.heading)}</th>' for column in columns)
    rows = []
    for s in summaries:
        cells = "".join(
            f"<td>{'<strong>' if s.label in labels else ''}{escape(column.show(s))}"
            f"{'</strong>' if s.label in labels else ''}</td>"
            for column, labels in zip(columns, best, strict=True)
        )
        rows.append(f'<tr><th scope="row">{escape(s.label)}</th>{cells}</tr>')
    said = "".join(f"<li>{escape(sentence)}</li>\n" for sentence in caption)
    return _PAGE.format(head=head, rows="\n".join(rows), said=said)


def to_screen(summaries, columns):
    """Make the table of the main columns for a terminal."""
    chosen = [c for c in columns if c.heading in _ON_SCREEN or c.heading.startswith("p ")]
    table = Table("", box=box.SIMPLE, collapse_padding=True, pad_edge=False)
    for column in chosen:
        table.add_column(column.heading.split(" against ")[0], justify="right")
    for s in summaries:
        table.add_row(s.label, *(column.show(s) for column in chosen))
    return table


def _names(summaries, of):
    """Give the names of figures, in their order."""
    return list(dict.fromkeys(name for s in summaries for name in getattr(s, of)))


def _metric(name):
    def show(s):
        mean, deviation = s.means.get(name), s.deviations.get(name)
        if mean is None:
            return _NOTHING
        return f"{mean:.3f}" + ("" if deviation is None else f" ± {deviation:.3f}")

    def fields(s):
        return {name: s.means.get(name), f"{name} sd": s.deviations.get(name)}

    return Column(name, show, fields, lambda s: s.means.get(name))


def _cost(name):
    def rank(s):
        value = s.costs.get(name)
        return -value if value is not None and name in _LOWER_IS_BETTER else value

    return Column(
        name,
        lambda s: _number(s.costs.get(name)),
        lambda s: {name: s.costs.get(name)},
        None if name == "parameters" else rank,
    )


def _p_value(against):
    def show(s):
        if s.p_value is None:
            return _NOTHING
        return f"{s.p_value:.4f}" + (" *" if s.p_value < SIGNIFICANT else "")

    return Column(f"p against {against}", show, lambda s: {f"p against {against}": s.p_value})


def _number(value):
    if value is None:
        return _NOTHING
    return f"{value:.2g}" if abs(value) < 10 and value != int(value) else f"{value:,.0f}"


def _show_interval(s):
    return _NOTHING if s.interval is None else "{:.3f} to {:.3f}".format(*s.interval)


def _interval_fields(s):
    low, high = s.interval or (None, None)
    return {"micro-F1 low": low, "micro-F1 high": high}


_INTERVAL = Column("95 % interval", _show_interval, _interval_fields)
_RUNS = Column(
    "runs",
    lambda s: f"{s.n_done} of {s.n_runs}",
    lambda s: {"runs done": s.n_done, "runs": s.n_runs},
)

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Comparison of systems</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; padding: 0 1rem; max-width: 100rem;
  color-scheme: light dark; }}
.wide {{ overflow-x: auto; }}
table {{ border-collapse: collapse; white-space: nowrap; }}
th, td {{ padding: 0.3rem 0.7rem; border-bottom: 1px solid #8886; text-align: right;
  font-variant-numeric: tabular-nums; }}
th {{ font-weight: 600; vertical-align: bottom; }}
th[scope=row], th:first-child {{ text-align: left; }}
caption {{ caption-side: bottom; text-align: left; white-space: normal; padding-top: 1rem; }}
ul {{ margin: 0; padding-left: 1.2rem; max-width: 60rem; }}
</style>
</head>
<body>
<h1>Comparison of systems</h1>
<div class="wide">
<table>
<caption><ul>
{said}</ul></caption>
<thead><tr><th scope="col">system</th>{head}</tr></thead>
<tbody>
{rows}
</tbody>
</table>
</div>
</body>
</html>
"""
