"""
What every system is made of
============================

A system is a network of blocks, and each block is plugged into a socket: the words are embedded,
encoded and perhaps compressed, each code attends to what is left of them, and scores it.
:class:`~sklearn_icd.inspection.NetworkDisplay` looks into a fitted classifier and draws what it
finds there.
"""

# %%
# A few notes, and a small transformer
# ------------------------------------
#
# A network exists once it is fitted, for its sizes depend on the notes and on the codes. The notes
# are made, and are few: what is learned from them does not matter here. The last code is called by
# another name, so that two are of the category E78: JointLAAT knows categories.

from sklearn_icd.datasets import make_notes

made = make_notes(n_notes=12, n_codes=20, mean_words=60, random_state=0)
codes = [*made.target_names[:-1], "E78.00"]

# %%
# Two systems read with a pretrained transformer, of which a tiny one with random weights takes the
# place. It shows where the transformer is plugged in; a real one is some thousand times as large.

import tempfile

from transformers import BertConfig, BertModel, BertTokenizerFast
from transformers.utils import logging

logging.disable_progress_bar()
folder = tempfile.TemporaryDirectory()
tokenizer = BertTokenizerFast().train_new_from_iterator(made.data, 400, show_progress=False)
tokenizer.save_pretrained(folder.name)
tiny = BertConfig(
    vocab_size=len(tokenizer),
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=64,
)
BertModel(tiny).save_pretrained(folder.name)

# %%
# How to read the pictures
# ------------------------
#
# An arrow leads to a block that reads what those before it made of the notes. A plus sign leads to
# one that reads nothing and adds parameters, such as a weight for each code. A box says which
# blocks are inside, with their sizes and parameters, and at its foot the shape of what comes out:
# two made notes tell which of the dimensions are words and which are codes. A dashed box serves
# training alone.
#
# All systems of :func:`~sklearn_icd.pipelines.make_icd_pipeline` are here, with the settings of
# their papers. What each of them does is what its class says of itself.

# sphinx_gallery_start_ignore
# sphinx_gallery_multi_image = "single"
# sphinx_gallery_end_ignore
from inspect import getdoc, signature

import matplotlib.pyplot as plt

from sklearn_icd.inspection import NetworkDisplay
from sklearn_icd.pipelines import make_icd_pipeline
from sklearn_icd.utils import all_systems

plt.rcParams["figure.max_open_warning"] = 0
quick = {"word_vectors": None, "max_epochs": 1, "validation_fraction": None, "threshold": 0.5}
for name, system in all_systems():
    needed = {p.name for p in signature(system).parameters.values() if p.default is p.empty}
    pretrained = folder.name if "pretrained" in needed else None
    pipeline = make_icd_pipeline(name, pretrained=pretrained, classes=codes)
    classifier = pipeline["clf"]
    known = quick.keys() & classifier.get_params()
    classifier.set_params(random_state=0, **{parameter: quick[parameter] for parameter in known})
    pipeline.fit(made.data, made.target)
    title, what_it_does, *_ = getdoc(system).replace("`", "").split("\n\n")
    if hasattr(classifier, "net_"):
        what_it_does = what_it_does.replace("\n", " ")
        NetworkDisplay.from_estimator(pipeline, name=f"{name}: {title}\n{what_it_does}")
    else:
        print(f"{name}: {title}\n\n{what_it_does}\n\nIt has no network, and so no picture.")
plt.show()

# %%
# The transformer goes with its folder.

folder.cleanup()
