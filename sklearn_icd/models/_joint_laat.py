"""JointLAAT: LAAT finds the categories of a note first, and its codes in their light."""

import numpy as np
import torch
from torch import nn

from sklearn_icd.codes import find_code_system
from sklearn_icd.models._laat import SYSTEM as LAAT
from sklearn_icd.models._laat import LAATClassifier
from sklearn_icd.models._system import System
from sklearn_icd.nn import TwoLevelNetwork
from sklearn_icd.utils._hyperparameters import PositiveInt, Titles, hyperparameters


@hyperparameters
class JointLAATClassifier(LAATClassifier):
    """Label attention model with hierarchical joint learning (JointLAAT).

    `LAATClassifier` twice over the same LSTM: first for the categories of the codes, the
    three-character codes of ICD, then for the codes, each of which scores, beside what it pooled,
    a projection of the probabilities of all categories.

    Parameters
    ----------
    projection_size : int, default=128
        Width of the projected probabilities of categories.

    categories : mapping of code to category, default=None
        What is told apart first; further codes may be among them. None: the categories of the
        coding system that has all codes (:func:`~sklearn_icd.codes.find_code_system`).

    See Also
    --------
    LAATClassifier : Without categories.
    sklearn_icd.codes.CodeSystem.roll_up : Finds the category of a code.
    sklearn_icd.pipelines.make_icd_pipeline : The classifier behind its text steps.

    Notes
    -----
    A note has a category if it has one of its codes. The loss is the mean over all categories and
    codes, as in the authors' code, which weighs the losses of the two levels by their numbers of
    labels. Categories have no titles: `label_encoder` speaks of the codes only. The classes of a
    1-D y are of one category.

    References
    ----------
    .. [1] T. Vu, D. Q. Nguyen and A. Nguyen, "A Label Attention Model for ICD Coding from Clinical
       Text", IJCAI, 2020: hierarchical joint learning (`TwoLevelNetwork`).

    Examples
    --------
    >>> from sklearn_icd import JointLAATClassifier
    >>> from sklearn_icd.datasets import make_notes
    >>> from sklearn_icd.text import WordTokenizer
    >>> made = make_notes(n_notes=40, n_codes=5, codes_per_note=2, random_state=0)
    >>> X = WordTokenizer(min_notes=2).fit_transform(made.data)
    >>> classifier = JointLAATClassifier(
    ...     hidden_size=8, attention_size=8, max_epochs=2, classes=made.target_names
    ... )
    >>> classifier.fit(X, made.target).predict_proba(X).shape
    (40, 5)
    """

    projection_size: PositiveInt = 128
    categories: Titles | None = None

    def build_module(self, data):
        group_of, p = self._number_categories(data), self.projection_size
        n_groups = group_of.max() + 1
        of_groups = self.make_head(n_groups, _rates_of_groups(data, group_of, n_groups))
        of_codes = self.make_head(
            data.n_outputs, data.base_rates, titles=self.title_vectors(data), n_beside=p
        )
        return TwoLevelNetwork(
            **self.make_encoder(data),
            **{f"{socket}_groups": block for socket, block in of_groups.items()},
            **of_codes,
            project=nn.Linear(n_groups, p, bias=False),
            group_of=torch.from_numpy(group_of),
        )

    def _append_codes(self, module, titles):
        super()._append_codes(nn.ModuleList([module.attend, module.score]), titles)

    def _number_categories(self, data):
        if not self.multilabel_:
            return np.zeros(data.n_outputs, dtype=np.int64)
        codes = data.classes.tolist()
        categories = _from_system(codes) if self.categories is None else self.categories
        missing = [code for code in codes if code not in categories]
        if missing:
            raise ValueError(
                f"categories has none for {len(missing)} of {len(codes)} codes, the first is "
                f"{missing[0]!r}: add them, or leave categories=None to take those of the coding "
                "system that has them all."
            )
        return np.unique([str(categories[code]) for code in codes], return_inverse=True)[1]


def _rates_of_groups(data, group_of, n_groups):
    """Give the share of notes with each group, as if they had their codes independently."""
    absent = np.ones(n_groups)
    np.multiply.at(absent, group_of, 1 - data.base_rates)
    return 1 - np.maximum(absent, 0.5 / (len(data.tokens) + 1))


def _from_system(codes):
    system = find_code_system(codes)
    if system is None:
        raise ValueError(
            f"JointLAATClassifier needs the categories of the {len(codes)} codes, and no coding "
            f"system has them all; the first is {codes[0]!r}. Name the columns of y with "
            "classes=[...] if they are ICD codes, or pass categories={code: category}."
        )
    return {code: _category(system, code) for code in codes}


def _category(system, code):
    try:
        return system.roll_up(code, "category")
    except ValueError:
        # A heading stands above all categories. A table of procedures of ICD-10 may have the name
        # of a category of diagnoses, which have a dot.
        name = system.normalise(code)
        return name if "-" in name or "." in name else f"procedures {name[:3]}"


SYSTEM = System(
    reads="LSTM",
    attends="the words, in a space of their own",
    text=LAAT.text,
    small={**LAAT.small, "projection_size": 16},  # 128
)
