"""DR-CAML: CAML, with the weights of codes drawn to what their titles say."""

from sklearn_icd.models._caml import SYSTEM as CAML
from sklearn_icd.models._caml import CAMLClassifier
from sklearn_icd.models._descriptions import DescribedCodes
from sklearn_icd.models._system import System
from sklearn_icd.utils._hyperparameters import hyperparameters


@hyperparameters
class DRCAMLClassifier(DescribedCodes, CAMLClassifier):
    """Description-regularised CAML (DR-CAML).

    `CAMLClassifier`, whose loss grows where the weights of a code stray from the vector that a
    second convolution reads in its title. So codes with few notes have weights like those of
    codes with like titles, and a code that was never trained on can be added (`with_codes`).

    Parameters
    ----------
    description_penalty : float, default=0.01
        Weight of the penalty in the loss, the paper's lambda. The paper takes 0.01 for the full
        MIMIC-III and 10 for 50 codes.

    label_encoder : transformer, default=None
        Makes vectors from the texts ``"CODE: title"``, which then enter the queries and the
        weights of codes by a linear map, beside the penalty. None: the paper's system.

    See Also
    --------
    CAMLClassifier : Without titles.
    sklearn_icd.pipelines.make_icd_pipeline : The classifier behind its text steps.

    Notes
    -----
    The penalty of a note is the sum over its codes of the mean squared difference between weights
    and title vector, as in the authors' code, from which the values of lambda are; the paper
    prints the mean over the codes.

    A classifier sees no words of notes, only their ids. So the titles have a tokenizer of their
    own (`title_tokenizer_`) and word vectors of their own, which start at random; those of the
    authors' code start as copies of the word vectors of notes. Padding takes no part in the
    largest values of a title.

    `with_codes` does with new codes what the authors' code does with those that no training note
    has: their weights are the title vectors. Such a code has no query of its own; its query is
    the mean of the trained ones, and its bias the mean of the trained biases, where the authors'
    code has an untrained query and zero. This tells little: on 750 made notes with 64 codes, the
    area under the ROC curve of 16 added codes was 0.53 to 0.57 for penalties from 0.01 to 10, no
    better with queries of zero or the title vectors as queries. With `label_encoder`, queries and
    weights come from the title as in the other classifiers: there it was 0.63.

    References
    ----------
    .. [1] J. Mullenbach, S. Wiegreffe, J. Duke, J. Sun and J. Eisenstein, "Explainable Prediction
       of Medical Codes from Clinical Text", NAACL-HLT, 2018: section 2.5 (`DescriptionPenalty`).

    Examples
    --------
    >>> from sklearn_icd import DRCAMLClassifier
    >>> from sklearn_icd.datasets import make_notes
    >>> from sklearn_icd.text import WordTokenizer
    >>> made = make_notes(n_notes=40, n_codes=5, codes_per_note=2, random_state=0)
    >>> X = WordTokenizer(min_notes=2).fit_transform(made.data)
    >>> classifier = DRCAMLClassifier(
    ...     n_filters=8, embedding_dim=8, max_epochs=2, classes=made.target_names
    ... )
    >>> classifier.fit(X, made.target).predict_proba(X).shape
    (40, 5)
    """

    def build_module(self, data):
        network = super().build_module(data)
        network.penalize_weight = self.make_penalty(data, [self.kernel_size])
        return network

    def _append_codes(self, module, titles):
        if hasattr(self, "label_encoder_"):
            return super()._append_codes(module, titles)
        penalty = module.penalize_weight
        weights = penalty.read(self.read_titles(titles).to(penalty.ids.device))
        queries = module.attend.vectors
        queries.append_vectors(queries().mean(dim=0).expand(len(weights), -1))
        module.score.vectors.append_vectors(weights)

    def _knows_titles(self):
        return super()._knows_titles() or hasattr(self, "title_tokenizer_")


SYSTEM = System(
    reads="one convolution",
    attends="the places between the words",
    text=CAML.text,
    small=CAML.small,
)
