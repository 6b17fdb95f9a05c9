"""MVC-RLDA: MVC-LDA, with the attention of codes drawn to what their titles say."""

from sklearn_icd.models._caml import SYSTEM as CAML
from sklearn_icd.models._descriptions import DescribedCodes
from sklearn_icd.models._mvc_lda import MVCLDAClassifier
from sklearn_icd.models._system import System
from sklearn_icd.utils._hyperparameters import hyperparameters


@hyperparameters
class MVCRLDAClassifier(DescribedCodes, MVCLDAClassifier):
    """Multi-view convolution with description-regularised label attention (MVC-RLDA).

    `MVCLDAClassifier`, whose loss grows where the vector that a code attends with strays from the
    vector that a second such convolution reads in its title. So codes with few notes look where
    codes with like titles look.

    Parameters
    ----------
    description_penalty : float, default=0.01
        Weight of the penalty in the loss, the papers' lambda. This paper's is not known; DR-CAML
        takes 0.01 for the full MIMIC-III and 10 for 50 codes.

    label_encoder : transformer, default=None
        Makes vectors from the texts ``"CODE: title"``, which then enter the queries and the
        weights of codes by a linear map, beside the penalty. None: the paper's system.

    See Also
    --------
    DRCAMLClassifier : Draws the weights of codes to their titles.
    sklearn_icd.pipelines.make_icd_pipeline : The classifier behind its text steps.

    Notes
    -----
    There is no code of the authors, and descriptions of the system differ: that it is the
    attention which is drawn to the titles is the paper's title and abstract; its re-implementation
    in [2]_ draws the weights, as DR-CAML does. How titles are read is DR-CAML's way
    (`DRCAMLClassifier`), with the windows of the notes.

    References
    ----------
    .. [1] N. Sadoughi et al., "Medical code prediction with multi-view convolution and
       description-regularized label-dependent attention", arXiv:1811.01468, 2018:
       `DescriptionPenalty`.
    .. [2] Y. Wu et al., "A Pseudo Label-wise Attention Network for Automatic ICD Coding", IEEE
       Journal of Biomedical and Health Informatics, 2022: its baselines.

    Examples
    --------
    >>> from sklearn_icd import MVCRLDAClassifier
    >>> from sklearn_icd.datasets import make_notes
    >>> from sklearn_icd.text import WordTokenizer
    >>> made = make_notes(n_notes=40, n_codes=5, codes_per_note=2, random_state=0)
    >>> X = WordTokenizer(min_notes=2).fit_transform(made.data)
    >>> classifier = MVCRLDAClassifier(
    ...     n_filters=8, embedding_dim=8, max_epochs=2, classes=made.target_names
    ... )
    >>> classifier.fit(X, made.target).predict_proba(X).shape
    (40, 5)
    """

    def build_module(self, data):
        network = super().build_module(data)
        network.penalize_queries = self.make_penalty(data, self._check_sizes())
        return network


SYSTEM = System(
    reads="convolutions of four widths, the largest value of each map",
    attends="the places between the words",
    text=CAML.text,
    small=CAML.small,
)
