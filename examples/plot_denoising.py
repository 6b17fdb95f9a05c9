"""
A loss that mistrusts labels
============================

Codes are assigned by hand, and some are wrong. JLAN's truncated loss leaves out the positives of a
batch that cost the most, in the belief that wrong labels do so more often than right ones. Here
JLAN learns from notes with many wrong labels, with and without truncation, and is scored on notes
whose labels are right: the figure of its paper (Fig. 8), on made notes.
"""

# %%
# Notes with wrong labels
# -----------------------
#
# Each label of the training notes is wrong with a chance of 0.3: the note loses the code and gets
# another one. `target_clean` has the labels before that, and the validation notes keep them. With
# ``threshold="tuned"``, their score after each epoch is micro-F1 at its best cut: leaving out
# positives makes all probabilities lower, and this does not count.

from sklearn_icd.datasets import make_notes
from sklearn_icd.models import JLANClassifier
from sklearn_icd.text import WordTokenizer

N_TRAIN = 400


def train(epsilon, seed):
    made = make_notes(
        n_notes=600,
        n_codes=6,
        mean_words=40,
        sd_words=10,
        codes_per_note=1.5,
        distractors=1,
        label_noise=0.3,
        random_state=seed,
    )
    tokenizer = WordTokenizer(min_notes=2).fit(made.data[:N_TRAIN])
    X, X_clean = map(tokenizer.transform, (made.data[:N_TRAIN], made.data[N_TRAIN:]))
    classifier = JLANClassifier(
        epsilon=epsilon,
        hidden_size=32,
        attention_size=32,
        embedding_dim=32,
        kernel_size=5,
        word_vectors=None,
        lr=0.005,
        max_epochs=12,
        patience=None,
        threshold="tuned",
        classes=made.target_names,
        random_state=seed,
    )
    classifier.fit(X, made.target[:N_TRAIN], X_val=X_clean, y_val=made.target_clean[N_TRAIN:])
    return classifier.history_


# %%
# With and without truncation
# ---------------------------
#
# `epsilon` is the largest share of the positives to leave out. With 0 the loss is plain
# cross-entropy; 0.15 is the paper's best, and 0.3 is as large as the noise, which nobody knows of
# real notes.

histories = {epsilon: [train(epsilon, seed) for seed in (0, 1)] for epsilon in (0.0, 0.15, 0.3)}
for epsilon, runs in histories.items():
    scores = [history[:, "valid_score"] for history in runs]
    best = ", ".join(f"{max(score):.2f} (epoch {1 + score.index(max(score))})" for score in scores)
    print(f"epsilon={epsilon}: best micro-F1 on clean notes, by seed: {best}")

# %%
# One line for each seed. The training loss with truncation is the lower one at first, as in the
# paper's figure; it is a mean in which the most expensive cells count zero. Whether that is worth
# it shows in the middle. On these notes it is not: the losses differ no more than the seeds do.
# Where a code was replaced, it is also missing, which no truncation sees; and early in training a
# right label that is hard to learn costs as much as a wrong one.

import matplotlib.pyplot as plt

fig, axes = plt.subplots(1, 3, figsize=(9, 3.2), layout="constrained")
panels = {
    "train_loss": "training loss",
    "valid_score": "micro-F1 on clean notes",
    "drop_rate": "share of positives left out",
}
for ax, (key, label) in zip(axes, panels.items(), strict=True):
    for color, (epsilon, runs) in zip(["C0", "C1", "C2"], histories.items(), strict=True):
        for history in runs:
            epochs = range(1, len(history) + 1)
            ax.plot(epochs, history[:, key], color=color, label=f"epsilon = {epsilon}")
    ax.set(xlabel="epoch", ylabel=label, ylim=(0, None))
handles, labels = axes[0].get_legend_handles_labels()
axes[0].legend(handles[::2], labels[::2])
plt.show()
