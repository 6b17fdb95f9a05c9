"""A page that shows a note with the words that each code looked at."""

from html import escape

import numpy as np

_FAINT = 0.04  # words below this share of the highest weight stay unmarked
_LISTED = 5

# The rules of the browser only: no script, nothing loaded. Each code is a radio button, its label
# in the list, and its view, which shows while the button is on; printing shows all views.
_STYLE = """
:root {
  color-scheme: light dark;
  --page: #ffffff; --text: #1b1f24; --quiet: #57606a; --line: #d0d7de; --chosen: #e6eef8;
  --mark: 255 176 32;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171c; --text: #e8eaed; --quiet: #a3adb8; --line: #3a424c; --chosen: #24344a;
    --mark: 150 88 0;
  }
}
body {
  margin: 0 auto; max-width: 76rem; padding: 1.5rem; background: var(--page); color: var(--text);
  font: 1rem/1.6 system-ui, sans-serif;
}
h1 { font-size: 1.3rem; margin: 0 0 1rem; }
h2 { font-size: 1.1rem; margin: 0; }
.quiet { color: var(--quiet); margin: 0.25rem 0; }
.codes {
  border: 0; margin: 0; padding: 0; min-width: 0; display: grid; column-gap: 2rem;
  grid-template-columns: minmax(11rem, 18rem) minmax(0, 1fr);
  grid-template-rows: repeat(var(--n), max-content) 1fr;
}
.codes > input { position: absolute; opacity: 0; }
.codes > label {
  grid-column: 1; display: grid; grid-template-columns: 1fr auto; gap: 0 0.5rem; cursor: pointer;
  padding: 0.4rem 0.6rem; border-left: 4px solid transparent; border-bottom: 1px solid var(--line);
  line-height: 1.35;
}
.codes > label > .quiet { grid-column: 1 / -1; margin: 0; font-size: 0.85rem; }
.codes > input:checked + label { background: var(--chosen); border-left-color: currentColor; }
.codes > input:checked + label > .quiet { color: inherit; }
.codes > input:focus-visible + label { outline: 2px solid currentColor; outline-offset: -2px; }
.codes > section { grid-area: 1 / 2 / -1; display: none; }
.codes > input:checked + label + section { display: block; }
.note {
  white-space: pre-wrap; overflow-wrap: anywhere; margin: 1rem 0 0; padding: 1rem;
  border: 1px solid var(--line); border-radius: 6px;
}
mark {
  color: inherit; background: rgb(var(--mark) / calc(0.2 + 0.8 * var(--w)));
  border-radius: 3px; padding: 0 1px;
  print-color-adjust: exact; -webkit-print-color-adjust: exact;
}
.scale { display: flex; gap: 0.4rem; align-items: center; font-size: 0.85rem; }
.scale mark { width: 2rem; height: 1rem; }
@media (max-width: 45rem) {
  .codes { display: flex; flex-wrap: wrap; gap: 0.4rem; }
  .codes > label { display: inline-block; border: 1px solid var(--line); }
  .codes > label > .quiet { display: none; }
  .codes > section { order: 1; width: 100%; margin-top: 1rem; }
}
@media print {
  body { max-width: none; padding: 0; }
  .codes { display: block; }
  .codes > label, .codes > input { display: none; }
  .codes > section { display: block; margin-bottom: 2rem; }
  h2 { break-after: avoid; }
}
"""

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""


def highlight_html(note, explanations, *, title="Codes of a note, and the words they looked at"):
    """
    Write a page that shows a note with the words that each code looked at.

    The page is one file that loads nothing and runs no script. It has one view of the note for
    each code; printing it prints all of them. It holds the text of the note.

    Parameters
    ----------
    note : str
        The raw note.
    explanations : list of Explanation
        What `explain` gave for this note; where it is empty, the page shows the note alone.
    title : str, default="Codes of a note, and the words they looked at"
        The heading of the page.

    Returns
    -------
    html : str
        The page; write it to a file in UTF-8.

    Raises
    ------
    ValueError
        If an explanation speaks of positions that the note does not have.

    See Also
    --------
    explain : Makes the explanations.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_icd.inspection import Explanation, highlight_html
    >>> why = Explanation("R05", "Cough", 0.9, np.array([[3, 8]]), np.array([1.0]))
    >>> page = highlight_html("No cough?", [why])
    >>> page[page.index("No <") : page.index("?</div>")]
    'No <mark style="--w:1.00" title="100.0% of the attention">cough</mark>'
    """
    for i, explanation in enumerate(explanations):
        if explanation.spans.max(initial=0) > len(note):
            raise ValueError(
                f"explanations[{i}] points at character {explanation.spans.max()}, but the note "
                f"has {len(note)}: pass the note that was explained."
            )
    views = [_view(i, note, explanation) for i, explanation in enumerate(explanations)]
    body = (
        f'<fieldset class="codes" style="--n:{len(views)}" aria-label="Codes">\n'
        + "\n".join(views)
        + "\n</fieldset>"
        if views
        else f'<p class="quiet">No code.</p>\n{_note_box(escape(note))}'
    )
    return _PAGE.format(title=escape(title), style=_STYLE, body=body)


def _view(i, note, explanation):
    code = escape(str(explanation.code))
    title = escape(explanation.title or "")
    heading = f"{code}: {title}" if title else code
    probability = f"{100 * explanation.probability:.1f}%"
    words = ", ".join(
        f"<bdi>{escape(word)}</bdi> ({100 * weight:.1f}%)"
        for word, weight in explanation.words(note, _LISTED)
    )
    return f"""\
<input type="radio" name="code" id="code-{i}"{" checked" if i == 0 else ""}>
<label for="code-{i}"><strong>{code}</strong> <span>{probability}</span>
<span class="quiet">{title}</span></label>
<section aria-label="{code}">
<h2>{heading}</h2>
<p class="quiet">Probability {probability}. Looked most at: {words or "no word"}.</p>
<p class="quiet scale">Less attention <mark style="--w:0"></mark><mark style="--w:0.5"></mark>\
<mark style="--w:1"></mark> more attention</p>
{_note_box(_marked(note, explanation))}
</section>"""


def _note_box(content):
    return f'<div class="note" lang="" dir="auto">{content or "(empty note)"}</div>'


def _marked(note, explanation):
    """Put marks around words, as strong as their weight."""
    strongest = explanation.weights.max(initial=0)
    shown = explanation.weights > _FAINT * strongest
    spans, weights = explanation.spans[shown], explanation.weights[shown]
    pieces, done = [], 0
    for k in np.argsort(spans[:, 0], kind="stable"):
        start, end = max(spans[k, 0], done), spans[k, 1]
        if start < end:
            color = f'style="--w:{weights[k] / strongest:.2f}"'
            weight = f'title="{100 * weights[k]:.1f}% of the attention"'
            word = f"<mark {color} {weight}>{escape(note[start:end])}</mark>"
            pieces += [escape(note[done:start]), word]
            done = end
    return "".join([*pieces, escape(note[done:])])
