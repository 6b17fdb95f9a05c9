"""LEAM: codes live among the words of the note, and attend to the windows that are near them."""

from typing import Annotated

from torch import nn

from sklearn_icd.base import MultiLabelClassifier, Optimizer
from sklearn_icd.codes import TitleEncoder
from sklearn_icd.models._caml import SYSTEM as CAML
from sklearn_icd.models._system import System
from sklearn_icd.models._titles import TitledCodes
from sklearn_icd.models._words import WordVectors
from sklearn_icd.nn import (
    DroppedValues,
    LabelAttentionNetwork,
    LabelQueries,
    LabelScores,
    LabelVectors,
    MultiFilterConvolution,
)
from sklearn_icd.utils._hyperparameters import (
    Callable,
    PositiveFloat,
    PositiveInt,
    Search,
    Share,
    hyperparameters,
)


@hyperparameters
class LEAMClassifier(WordVectors, TitledCodes, MultiLabelClassifier):
    """Label-embedding attentive model (LEAM).

    Codes and words are vectors of the same space, and a code starts from its title. A convolution
    as wide as the word vectors reads the note; each code attends to the windows by how well they
    go with its vector, ``softmax(c_l . h)``, and scores what it pooled.

    Parameters
    ----------
    kernel_size : int, default=10
        Words in a window.

    embedding_dim : int, default=300
        Width of the word vectors, of the convolution and of the vectors of codes.

    dropout : float, default=0.5
        Share of the components of what is pooled set to zero in training.

    label_encoder : transformer, default=None
        Makes vectors from the texts ``"CODE: title"``. None: those of ``TitleEncoder()`` start
        the vectors that attend, and the weights start at random; codes cannot be added then.
        With an encoder the titles enter both, by a linear map, and `with_codes` works.
        :class:`~sklearn_icd.codes.WordVectorEncoder` with the vectors that `word_vectors` is
        given starts each code as the mean of the words of its title, as the paper has it.

    loss : loss, default=None
        Loss of training, from `sklearn_icd.losses`. None: `BCE`.

    See Also
    --------
    CAMLClassifier : The same flow, where codes start at random.
    sklearn_icd.pipelines.make_icd_pipeline : The classifier behind its text steps.

    Notes
    -----
    This is the system that the authors' code runs on MIMIC, where a note has many codes: each
    attends by itself, and its product with a window is not normalised. What the paper describes
    for a single label per text is another flow: cosines of words and labels, of whose windows the
    best label of each word makes one attention for all, and labels that must classify themselves.

    Dropout takes the same components of a note from all codes; the authors' code draws them for
    each code.

    References
    ----------
    .. [1] G. Wang, C. Li, W. Wang, Y. Zhang, D. Shen, X. Zhang, R. Henao and L. Carin, "Joint
       Embedding of Words and Labels for Text Classification", ACL, 2018.

    Examples
    --------
    >>> from sklearn_icd import LEAMClassifier
    >>> from sklearn_icd.datasets import make_notes
    >>> from sklearn_icd.text import WordTokenizer
    >>> made = make_notes(n_notes=40, n_codes=5, codes_per_note=2, random_state=0)
    >>> X = WordTokenizer(min_notes=2).fit_transform(made.data)
    >>> classifier = LEAMClassifier(embedding_dim=8, max_epochs=2, classes=made.target_names)
    >>> classifier.fit(X, made.target).predict_proba(X).shape
    (40, 5)
    """

    kernel_size: Annotated[PositiveInt, Search(3, 5, 10)] = 10
    embedding_dim: PositiveInt = 300
    dropout: Annotated[Share, Search(0.0, 0.2, 0.5)] = 0.5
    loss: Callable | None = None
    optimizer: Optimizer = "adam"
    lr: Annotated[PositiveFloat, Search(3e-4, 1e-3, 3e-3)] = 1e-3
    batch_size: PositiveInt = 10

    def build_module(self, data):
        e, n_labels = self.embedding_dim, data.n_outputs
        titles = self.encode_titles(data, self.label_encoder or TitleEncoder(random_state=0))
        own = None if self.label_encoder is None else titles
        return LabelAttentionNetwork(
            embed=self.word_embedding(data),
            encode=MultiFilterConvolution(e, e, [self.kernel_size], activation=nn.ReLU()),
            attend=DroppedValues(
                LabelQueries(LabelVectors(n_labels, e, titles=titles)), self.dropout
            ),
            score=LabelScores(LabelVectors(n_labels, e, titles=own), base_rates=data.base_rates),
        )


SYSTEM = System(
    reads="one convolution",
    attends="the words, with its title",
    text=CAML.text,
    small={
        **CAML.small,
        "kernel_size": 3,  # 10
        "dropout": 0.2,  # 0.5
    },
)
