"""
Why a note got its codes
========================

Each code of LD-PLAM spreads its attention over the words of the note.
:func:`~sklearn_icd.inspection.explain` gives these weights with the places of the words in the raw
note, whatever the text steps did to it, and :func:`~sklearn_icd.inspection.highlight_html` shows
them.
"""

# %%
# A pipeline, and a note it has not seen
# --------------------------------------

from sklearn_icd.datasets import make_notes
from sklearn_icd.pipelines import make_icd_pipeline

made = make_notes(
    n_notes=600, n_codes=12, mean_words=100, sd_words=30, codes_per_note=3, random_state=0
)
pipeline = make_icd_pipeline(
    "ld-plam",
    size="small",
    classes=made.target_names,
    embedding_dim=32,
    hidden_size=32,
    lr=0.005,
    max_epochs=25,
    random_state=0,
)
pipeline.fit(made.data[10:], made.target[10:])

note = made.data[4]
has = made.target_names[made.target[[4]].toarray()[0] == 1]
print(f"The note has {', '.join(has)}.\n\n{note}")

# %%
# The words that each code looked at
# ----------------------------------
#
# An explanation belongs to one code. It holds positions, not words, so that nothing of the note is
# in it when it is printed or saved; ``words(note)`` reads the words.

from sklearn_icd.inspection import explain

explanations = explain(pipeline, note)
for explanation in explanations:
    print(f"{explanation.code} {explanation.title}: {explanation.probability:.2f}")
    for word, weight in explanation.words(note, top=3):
        print(f"    {weight:.2f} {word}")

# %%
# The note with its words marked
# ------------------------------
#
# ``highlight_html`` writes a page of its own, without scripts, which shows one code at a time:
# ``Path("note.html").write_text(page, encoding="utf-8")`` saves it. Here it stands in a frame.

from html import escape

from sklearn_icd.inspection import highlight_html


class Frame:
    def __init__(self, page):
        self.page = page

    def _repr_html_(self):
        style = "width: 100%; height: 40rem; border: 1px solid #8888"
        return f'<iframe style="{style}" srcdoc="{escape(self.page)}" title="A note"></iframe>'


page = highlight_html(note, explanations, title="A made note")
Frame(page)

# %%
# Any code can be asked for, also one that the note did not get: where did it look? For a code of
# probability 0 the answer tells little, since attention is shared out whether a code finds
# something or not.

import matplotlib.pyplot as plt

assigned = explanations[0].code
absent = next(code for code in made.target_names if code not in has)
fig, axes = plt.subplots(ncols=2, figsize=(9, 3.5), layout="constrained", sharex=True)
for ax, explanation in zip(axes, explain(pipeline, note, codes=[assigned, absent]), strict=True):
    words, weights = zip(*reversed(explanation.words(note, top=8)), strict=True)
    ax.barh(words, weights)
    ax.set(
        title=f"{explanation.code}, probability {explanation.probability:.2f}",
        xlabel="share of the attention",
    )
plt.show()

# %%
# Attention says where the network looked. It is no proof that the code would not have been assigned
# without these words: a recurrent network carries what it read from one word to its neighbours.

# %%
# The words that codes looked at in many notes
# --------------------------------------------
#
# In each note that a code is assigned to, one word has its highest attention.
# :func:`~sklearn_icd.inspection.critical_words` counts in how many notes a word is that.
# `min_notes` leaves out words that few notes stand for: in real notes they could be names.

from sklearn_icd.inspection import critical_words

table = critical_words(pipeline, made.data[:200], top=4, min_notes=3)
for code, found in table.items():
    print(f"{code} {made.titles[code]}:", ", ".join(f"{word} ({n})" for word, n in found))
