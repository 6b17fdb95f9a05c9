"""Notes read in two levels: the words of a sentence, then the sentences of the note."""

from torch import nn

from sklearn_icd.nn._attention import attention_weights, in_label_blocks, masked_softmax
from sklearn_icd.nn._pooling import in_windows


class SentenceVectors(nn.Module):
    """Make one vector of each sentence of a note: of as many words each, the last of fewer.

    Parameters
    ----------
    sentence_length : int
        Words per sentence.

    encode : Module
        Vectors of the words of sentences and their mask to vectors in context and their mask.

    pool : Module
        These and their mask to one vector per sentence, as `LastState`.
    """

    def __init__(self, sentence_length, encode, pool):
        super().__init__()
        self.sentence_length = sentence_length
        self.encode = encode
        self.pool = pool

    def forward(self, x, mask):
        """Read the sentences of padded notes.

        Parameters
        ----------
        x : tensor of shape (n, t, e)
            Word vectors.

        mask : tensor of bool of shape (n, t)
            Real words.

        Returns
        -------
        sentences : tensor of shape (n, s, d)
            One vector per sentence, zero where there is none.

        mask : tensor of bool of shape (n, s)
            Real sentences.
        """
        words, word_mask, is_sentence = real_sentences(x, mask, self.sentence_length)
        return by_note(self.pool(*self.encode(words, word_mask)), is_sentence), is_sentence

    def spread(self, weights, x, mask):
        """Bring attention over sentences back onto their words, in equal shares.

        Parameters
        ----------
        weights : tensor of shape (n, k, s)
            Attention over the sentences.

        x : tensor of shape (n, t, e)
            Word vectors.

        mask : tensor of bool of shape (n, t)
            Real words.

        Returns
        -------
        weights : tensor of shape (n, k, t)
            With the same sum, zero where there is padding.
        """
        words = in_windows(mask, self.sentence_length)  # (n, s, c)
        share = words / words.sum(dim=-1, keepdim=True).clamp_min(1)
        spread = (weights[..., None] * share[:, None]).flatten(-2)
        return spread[..., : mask.shape[1]].to(weights)


class SentenceLabelAttention(nn.Module):
    """Let each label attend to the words of each sentence, then to the sentences of the note.

    In a sentence, label l pools the encoded words, ``c = sum_t softmax_t(q_l . k_t) h_t``. The
    sentences that it found so are encoded in their order, ``g = encode(c_1, c_2, ...)``, for each
    label by itself but with the same parameters, and pooled, ``d = sum_s softmax_s(p_l . k(g_s))
    g_s``. Its logit is ``w_l . d + b_l``.

    Parameters
    ----------
    sentence_length : int
        Words per sentence, the last of a note may have fewer.

    embed : Module
        Token ids (n, t) to vectors (n, t, e) and their mask.

    encode_words : Module
        Vectors of words and mask to vectors in context and their mask.

    attend_words : Module
        Encoded words to queries (L, a), keys and values, as `LabelQueries`.

    encode_sentences : Module
        Vectors of sentences and mask to vectors in context and their mask.

    attend_sentences : LabelQueries
        Has queries (L, a) and makes keys of encoded sentences.

    score : Module
        Gives weights (L, d) and biases (L,).

    dropout : float, default=0.0
        Share of the components of the pooled vectors set to zero in training.

    Notes
    -----
    The pooled vectors of all labels, (n, L, d), are kept; what leads to them is computed in
    blocks of labels, and again in backward.

    References
    ----------
    .. [1] H. Dong, V. Suarez-Paniagua, W. Whiteley and H. Wu, "Explainable automated coding of
       clinical notes using hierarchical label-wise attention networks and label embedding
       initialisation", Journal of Biomedical Informatics, 2021.
    """

    def __init__(
        self,
        sentence_length,
        *,
        embed,
        encode_words,
        attend_words,
        encode_sentences,
        attend_sentences,
        score,
        dropout=0.0,
    ):
        super().__init__()
        self.sentence_length = sentence_length
        self.embed = embed
        self.encode_words = encode_words
        self.attend_words = attend_words
        self.encode_sentences = encode_sentences
        self.attend_sentences = attend_sentences
        self.score = score
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, y=None, loss=None):
        """Compute the logits, or the loss where `y` and `loss` are given.

        Parameters
        ----------
        ids : tensor of int64 of shape (n, t)
            Token ids, 0 behind the end of a note.

        y : tensor of shape (n, L), default=None
            Targets.

        loss : callable, default=None
            Takes logits and targets.

        Returns
        -------
        output : tensor of shape (n, L) or ()
            The logits, or the loss.
        """
        words, sentences, shared = self._read(ids)
        _, _, mask, is_sentence = shared
        entries = max(mask.numel(), 4 * is_sentence.numel() * self.encode_sentences.out_features)
        pooled = in_label_blocks(self._pool, (words, sentences), shared, entries=entries)
        weight, bias = self.score()
        logits = (self.dropout(pooled) * weight).sum(dim=-1) + bias
        return logits if loss is None else loss(logits, y)

    def attention(self, ids, labels):
        """Give the attention of some labels over the words.

        Parameters
        ----------
        ids : tensor of int64 of shape (n, t)
            Token ids, 0 behind the end of a note.

        labels : tensor of int64 of shape (k,)
            Which labels.

        Returns
        -------
        weights : tensor of shape (n, k, t)
            The product of the two levels, 0 where there is padding.
        """
        words, sentences, shared = self._read(ids)
        keys, _, mask, is_sentence = shared
        shares, _ = self._look(words[labels], sentences[labels], *shared)  # (n, k, s)
        inside = by_note(attention_weights(words[labels], keys, mask), is_sentence)
        weights = inside.transpose(1, 2) * shares[..., None]  # (n, k, s, c)
        return weights.flatten(-2)[..., : ids.shape[1]]

    def _read(self, ids):
        """Give the two kinds of queries, and what all labels read."""
        words, mask, is_sentence = real_sentences(*self.embed(ids), self.sentence_length)
        queries, keys, hidden = self.attend_words(self.encode_words(words, mask)[0])
        return queries, self.attend_sentences.vectors(), (keys, hidden, mask, is_sentence)

    def _pool(self, words, sentences, *shared):
        shares, encoded = self._look(words, sentences, *shared)
        return (shares[:, :, None] @ encoded).squeeze(2)  # (n, l, d)

    def _look(self, words, sentences, keys, hidden, mask, is_sentence):
        """Give each label's shares of the sentences (n, l, s), and what they are to it."""
        found = attention_weights(words, keys, mask) @ hidden  # (r, l, d)
        by_label = by_note(found, is_sentence).transpose(1, 2)  # (n, l, s, d)
        n_labels = len(words)
        label_mask = is_sentence[:, None].expand(-1, n_labels, -1)  # (n, l, s)
        encoded, _ = self.encode_sentences(by_label.flatten(0, 1), label_mask.flatten(0, 1))
        sentence_keys = self.attend_sentences.project(encoded).unflatten(0, (-1, n_labels))
        energies = (sentence_keys * sentences[:, None]).sum(dim=-1)  # (n, l, s)
        return masked_softmax(energies, label_mask), encoded.unflatten(0, (-1, n_labels))


def real_sentences(x, mask, length):
    """Cut notes into sentences, and pack those that have words.

    Parameters
    ----------
    x : tensor of shape (n, t, e)
        Word vectors.

    mask : tensor of bool of shape (n, t)
        Real words.

    length : int
        Words c per sentence.

    Returns
    -------
    words : tensor of shape (r, c, e)
        Those of the real sentences of all notes.

    mask : tensor of bool of shape (r, c)
        Real words.

    is_sentence : tensor of bool of shape (n, s)
        Which sentences those are.
    """
    windows, word_mask = in_windows(x, length), in_windows(mask, length)
    is_sentence = word_mask.any(dim=-1)
    return windows[is_sentence], word_mask[is_sentence], is_sentence


def by_note(vectors, is_sentence):
    """Put what was made of packed sentences back where they stood.

    Parameters
    ----------
    vectors : tensor of shape (r, ...)
        One row per real sentence.

    is_sentence : tensor of bool of shape (n, s)
        Where the real ones are.

    Returns
    -------
    vectors : tensor of shape (n, s, ...)
        Zero where there is none.
    """
    placed = vectors.new_zeros((*is_sentence.shape, *vectors.shape[1:]))
    placed[is_sentence] = vectors
    return placed
