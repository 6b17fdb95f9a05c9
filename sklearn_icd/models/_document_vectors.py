"""Paragraph vectors: one vector per note, from the words that it would help to predict."""

import hashlib

import numpy as np
import torch
from skorch.callbacks import Callback
from torch import nn

_FIRST_RATE, _LAST_RATE, _WINDOW = 0.025, 1e-4, 5
_NOTES_FOR_SCALE, _LEAST_SPREAD = 200, 1e-6


class DocumentVectors(nn.Module):
    """Make paragraph vectors of notes with gensim's doc2vec, trained before the network.

    A note gets the vector that predicts its words best, together with those around them (PV-DM).
    It starts from zero and depends on the note alone. What all notes have in common is taken
    away, and what is left is brought to unit variance, by the vectors of some training notes. Of
    these nothing is kept but the vectors of their words.

    Parameters
    ----------
    tokens : TokenArray
        The training notes.

    dim : int
        Width of a vector.

    epochs : int
        Passes over the notes in training, and over each note in making its vector.

    seed : int
        Decides where the vectors of words start, and which words are drawn.
    """

    def __init__(self, tokens, dim, *, epochs, seed):
        super().__init__()
        self.dim = dim
        self.seed = seed
        self.rates = np.linspace(_FIRST_RATE, _LAST_RATE, epochs)
        self.remembered = None
        self.model = _train(tokens, dim, epochs, seed) if len(tokens.ids) else None
        some = np.random.RandomState(seed).permutation(len(tokens))[:_NOTES_FOR_SCALE]
        vectors = np.array([self._infer(tokens.take([row]).ids) for row in some])
        spread = max(vectors.std(axis=0).mean(), _LEAST_SPREAD)
        self.register_buffer("centre", torch.from_numpy(vectors.mean(axis=0)))
        self.register_buffer("scale", torch.tensor(1 / spread))

    def forward(self, ids):
        """Make the vectors of notes.

        Parameters
        ----------
        ids : tensor of int64 of shape (n, t)
            Token ids, 0 behind the end of a note.

        Returns
        -------
        vectors : tensor of shape (n, dim)
            Zeros for an empty note.
        """
        is_note = (ids != 0).any(dim=1, keepdim=True)
        return (self._read(ids).to(self.centre) - self.centre) * self.scale * is_note

    @torch.compiler.disable
    def _read(self, ids):
        notes = ids.cpu().numpy()
        return torch.from_numpy(np.stack([self._vector(note[note != 0]) for note in notes]))

    def _vector(self, note):
        if self.remembered is None:
            return self._infer(note)
        key = hashlib.blake2b(note.tobytes()).digest()
        if key not in self.remembered:
            self.remembered[key] = self._infer(note)
        return self.remembered[key]

    def _infer(self, note):
        from gensim.models.doc2vec import train_document_dm

        vector = np.zeros((1, self.dim), dtype=np.float32)
        if self.model is None:
            return vector[0]
        # gensim's own infer_vector starts from Python's hash, another one in each process.
        self.model.random.seed(self.seed)
        work, sums = np.zeros((2, self.dim), dtype=np.float32)
        for rate in self.rates:
            train_document_dm(
                self.model,
                note.astype(str).tolist(),
                [0],
                rate,
                work,
                sums,
                learn_words=False,
                learn_hidden=False,
                doctag_vectors=vector,
                doctags_lockf=np.ones(1, dtype=np.float32),
            )
        return vector[0]


class RememberVectors(Callback):
    """Make the vector of each note once in a training, and forget them all at its end."""

    def on_train_begin(self, net, **kwargs):
        """Begin with none."""
        _set_remembered(net, {})

    def on_train_end(self, net, **kwargs):
        """Keep none."""
        _set_remembered(net, None)


def _set_remembered(net, vectors):
    for module in net.module_.modules():
        if isinstance(module, DocumentVectors):
            module.remembered = vectors


def _train(tokens, dim, epochs, seed):
    from gensim.models import Doc2Vec
    from gensim.models.keyedvectors import KeyedVectors

    model = Doc2Vec(
        _Notes(tokens),
        vector_size=dim,
        window=_WINDOW,
        min_count=1,
        epochs=epochs,
        workers=1,
        seed=seed,
    )
    model.dv = KeyedVectors(dim)
    return model


class _Notes:
    """Notes as gensim reads them, once per epoch."""

    def __init__(self, tokens):
        self.tokens = tokens

    def __iter__(self):
        from gensim.models.doc2vec import TaggedDocument

        starts, ends = self.tokens.offsets[:-1], self.tokens.offsets[1:]
        for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
            yield TaggedDocument(self.tokens.ids[start:end].astype(str).tolist(), [number])
