"""Labels as queries, and what is added up for their logits."""

import torch
from scipy.special import logit
from torch import nn

# How far apart the scores of vectors start. With torch's own start (0.6) what a code finds hardly
# moves its logit, and the queries get no gradient to tell them where to look.
_SCORE_SPREAD = 3.0


class LabelVectors(nn.Module):
    """Hold one vector per label: free parameters plus a linear map of the labels' titles.

    ``v_l = f_l + M (t_l - c)``, where t_l is the vector of the title and c the mean of them all,
    which would tell no label from another. With titles, f starts at zero, so that labels with
    like titles start alike, and training tells them apart where it has seen enough of them. A
    label that was never trained on has ``v_l = M (t_l - c)``.

    Parameters
    ----------
    n_labels : int
        Number L of labels.

    dim : int
        Width of a vector.

    titles : tensor of shape (L, w), default=None
        The vectors of the titles. None: the vectors are free parameters.

    spread : float, default=1.0
        Standard deviation that the product with a vector of unit-variance features starts with.

    Notes
    -----
    M starts as a multiple of the identity where titles are as wide as the vectors, as those are
    that the transformer which reads the notes makes of titles: a label then starts by looking
    for words like those of its title. Otherwise M starts at random.
    """

    def __init__(self, n_labels, dim, *, titles=None, spread=1.0):
        super().__init__()
        self.free = nn.Parameter(torch.zeros(n_labels, dim))
        self.map = None if titles is None else nn.Linear(titles.shape[1], dim, bias=False)
        self.register_buffer("centre", None if titles is None else titles.mean(dim=0))
        self.register_buffer("titles", None if titles is None else titles - self.centre)
        self.register_buffer("added", None)
        if titles is None:
            nn.init.normal_(self.free, std=spread / dim**0.5)
        else:
            lengths = [t.square().sum(dim=1).mean() for t in (self.titles, titles)]
            # Of a single label, or of labels with the same title, nothing is left.
            squared_length = torch.maximum(lengths[0], lengths[1] / 100).clamp_min(1e-6)
            _start_map(self.map.weight, spread / squared_length.sqrt().item())

    def forward(self):
        """Compute the vectors.

        Returns
        -------
        vectors : tensor of shape (L, dim)
            In the order of the labels.
        """
        vectors = self.free
        if self.map is not None:
            mapped = self.map(self.titles)  # (L, dim)
            vectors = mapped + nn.functional.pad(self.free, (0, 0, 0, len(mapped) - len(self.free)))
        return vectors if self.added is None else torch.cat([vectors, self.added])

    def append_codes(self, titles):
        """Add labels behind the others.

        Parameters
        ----------
        titles : tensor of shape (k, w)
            The vectors of their titles.
        """
        if self.map is None:
            raise ValueError(
                "the vectors of codes are free parameters here, and a new code has only its "
                "title: pass label_encoder=TitleEncoder() (or another encoder) and fit again."
            )
        self.titles = torch.cat([self.titles, titles.to(self.titles) - self.centre])

    def append_vectors(self, vectors):
        """Add labels whose vectors are known behind the others.

        Parameters
        ----------
        vectors : tensor of shape (k, dim)
            Their vectors, which training does not move.
        """
        vectors = vectors.detach().to(self.free)
        self.added = vectors if self.added is None else torch.cat([self.added, vectors])


class TanhKeys(nn.Module):
    """Make keys of encoded tokens as LAAT does: ``tanh(W h)``, or ``tanh(W h + b)``.

    Parameters
    ----------
    dim : int
        Width of the tokens.

    out_features : int, default=None
        Width of the keys. None: that of the tokens.

    near_identity : bool, default=False
        Whether W starts as the identity, for queries that lie in the tokens' space.

    bias : bool, default=False
        Whether there is a b.
    """

    def __init__(self, dim, out_features=None, *, near_identity=False, bias=False):
        super().__init__()
        self.linear = nn.Linear(dim, out_features or dim, bias=bias)
        if near_identity:
            nn.init.eye_(self.linear.weight)

    def forward(self, hidden):
        """Make the keys.

        Parameters
        ----------
        hidden : tensor of shape (n, t, dim)
            Encoded tokens.

        Returns
        -------
        keys : tensor of shape (n, t, out_features)
            Between -1 and 1.
        """
        return self.linear(hidden).tanh()


class LabelQueries(nn.Module):
    """Let each label attend with its own vector.

    Parameters
    ----------
    vectors : LabelVectors
        The queries.

    project : Module, default=None
        Makes the keys of the encoded tokens, as LAAT's ``tanh(W h)``. None: the keys are the
        encoded tokens, as CAML has it.
    """

    def __init__(self, vectors, *, project=None):
        super().__init__()
        self.vectors = vectors
        self.project = project

    def forward(self, hidden):
        """Make queries, keys and values.

        Parameters
        ----------
        hidden : tensor of shape (n, t, d)
            Encoded tokens.

        Returns
        -------
        queries : tensor of shape (L, a)
            The label vectors.

        keys : tensor of shape (n, t, a)
            The projected tokens.

        values : tensor of shape (n, t, d)
            The encoded tokens.
        """
        return self.vectors(), hidden if self.project is None else self.project(hidden), hidden


class DroppedValues(nn.Module):
    """Set some components of what labels pool to zero in training.

    They are the same at all positions of a note and for all labels, so that what is dropped of
    the values is what is dropped of each pooled vector.

    Parameters
    ----------
    attend : Module
        Hidden states to queries, keys and values, as `LabelQueries`.

    dropout : float
        Share of the components.
    """

    def __init__(self, attend, dropout):
        super().__init__()
        self.attend = attend
        self.dropout = nn.Dropout1d(dropout)

    def forward(self, hidden):
        """Make queries, keys and values.

        Parameters
        ----------
        hidden : tensor of shape (n, t, d)
            Encoded tokens.

        Returns
        -------
        queries : tensor of shape (L, a)
            As without dropout.

        keys : tensor of shape (n, t, a)
            As without dropout.

        values : tensor of shape (n, t, d)
            In training, some components of each note are zero and the others larger.
        """
        queries, keys, values = self.attend(hidden)
        return queries, keys, self.dropout(values.transpose(1, 2)).transpose(1, 2)


class LabelScores(nn.Module):
    """Score what each label saw with its own weights and bias.

    Parameters
    ----------
    vectors : LabelVectors
        The weights.

    base_rates : array of shape (L,), default=None
        Share of the training notes that have each label. The biases start as their log-odds, so
        that training need not begin by unlearning that every other label is there. None: zero.
    """

    def __init__(self, vectors, *, base_rates=None):
        super().__init__()
        self.vectors = vectors
        start = torch.zeros(len(vectors.free))
        if base_rates is not None:
            start = torch.logit(torch.as_tensor(base_rates, dtype=torch.float32))
        self.bias = nn.Parameter(start)

    def forward(self):
        """Give the parameters of the logits.

        Returns
        -------
        weight : tensor of shape (L, d)
            One row per label.

        bias : tensor of shape (L,)
            One per label; a label added by its title has the mean of the trained ones.
        """
        weight = self.vectors()
        n_added = len(weight) - len(self.bias)
        return weight, torch.cat([self.bias, self.bias.mean().expand(n_added)])


class SimilarityQueries(nn.Module):
    """Let each label look for the note vectors that resemble its own vector.

    Parameters
    ----------
    label_vectors : tensor of shape (L, w)
        One vector per label.

    least_width : int, default=1
        Narrower label vectors are turned into this many dimensions d by a random rotation, which
        keeps their angles. The vectors of notes are as wide as those of labels, and the titles of
        four labels span four dimensions, which hold too little of a note.

    trainable : bool, default=False
        Whether training moves the label vectors. Frozen ones can be exchanged or extended.
    """

    def __init__(self, label_vectors, *, least_width=1, trainable=False):
        super().__init__()
        n_features = label_vectors.shape[1]
        rotation = None
        if n_features < least_width:
            gain = (least_width / n_features) ** 0.5  # the same mean square in more dimensions
            rotation = nn.init.orthogonal_(torch.empty(n_features, least_width), gain=gain)
            label_vectors = label_vectors @ rotation
        self.register_buffer("rotation", rotation)
        if trainable:
            self.label_vectors = nn.Parameter(label_vectors)
        else:
            self.register_buffer("label_vectors", label_vectors)

    def forward(self, hidden):
        """Look for the label vectors in the vectors of notes.

        Parameters
        ----------
        hidden : tensor of shape (n, m, d)
            Vectors of notes.

        Returns
        -------
        queries : tensor of shape (L, d)
            The label vectors.

        keys, values : tensor of shape (n, m, d)
            The vectors of notes, twice.
        """
        return self.label_vectors, hidden, hidden

    def append_codes(self, titles):
        """Add labels behind the others, if these are frozen.

        Parameters
        ----------
        titles : tensor of shape (k, w)
            The vectors of the new labels.
        """
        if isinstance(self.label_vectors, nn.Parameter):
            raise ValueError(
                "the label vectors were trained (train_label_vectors=True), and a new code has "
                "only its title: fit with train_label_vectors=False to add codes."
            )
        titles = titles.to(self.label_vectors)
        added = titles if self.rotation is None else titles @ self.rotation
        self.label_vectors = torch.cat([self.label_vectors, added])

    @property
    def width(self):
        """Width d of the label vectors."""
        return self.label_vectors.shape[1]


class SharedScore(nn.Module):
    """Score the pooled vector of every label with the same linear map.

    Parameters
    ----------
    in_features : int
        Width of a pooled vector.

    base_rate : float, default=0.5
        Share of positive cells. The bias starts as its log-odds.
    """

    def __init__(self, in_features, *, base_rate=0.5):
        super().__init__()
        self.linear = nn.Linear(in_features, 1)
        nn.init.normal_(self.linear.weight, std=_SCORE_SPREAD / in_features**0.5)
        nn.init.constant_(self.linear.bias, logit(base_rate))

    def forward(self):
        """Give the parameters of the linear map.

        Returns
        -------
        weight : tensor of shape (1, d)
            For all labels.

        bias : tensor of shape (1,)
            For all labels.
        """
        return self.linear.weight, self.linear.bias


def _start_map(weight, scale):
    """Start a linear map that multiplies the length of a vector by a scale, on average."""
    n_rows, n_columns = weight.shape
    if n_rows == n_columns:
        nn.init.eye_(weight).data.mul_(scale)
    else:
        nn.init.normal_(weight, std=scale / n_rows**0.5)
