"""Small notes for the tests of word-reading systems, and their layers written with numpy."""

import numpy as np
import torch
from scipy import sparse
from scipy.special import expit, softmax

TINY = {
    "embedding_dim": 6,
    "word_vectors": None,
    "lr": 0.01,
    "batch_size": 8,
    "max_epochs": 1,
    "validation_fraction": None,
    "random_state": 0,
    "precision": "float64",
}
TITLES = {"A01": "Typhoid fever", "B02": "zoster", "C03": "tumour of gum", "D04": "tumour of skin"}
TITLED = {"classes": list(TITLES), "label_titles": TITLES}


def notes(n=60, seed=0):
    """Make notes of nine words: code k is there where the word k + 2 is."""
    random_state = np.random.RandomState(seed)
    X = sparse.csr_array(random_state.randint(1, 20, size=(n, 9)))
    Y = np.array([np.isin(np.arange(4) + 2, row) for row in X.toarray()])
    return X, Y.astype(int)


def single(*words):
    """Make one note of these words."""
    return sparse.csr_array([list(words)])


def beside_a_longer(*words):
    """Make a note of these words, and one of twelve others."""
    return sparse.csr_array(np.array([[*words] + [0] * (12 - len(words)), [7] * 12]))


def shapes(module):
    """Give the shapes of the parameters by name."""
    return {name: tuple(parameter.shape) for name, parameter in module.named_parameters()}


def values(module, *names):
    """Give parameters as arrays."""
    return [module.get_parameter(name).detach().numpy() for name in names]


def unreached_parameters(module):
    """Give the names of the parameters that a loss gives no gradient, or one that is not finite."""
    X, Y = notes()
    module.train()
    module.zero_grad()
    ids = torch.from_numpy(X.toarray().astype(np.int64))
    (module(ids) - torch.from_numpy(Y)).square().sum().backward()
    return {
        name
        for name, parameter in module.named_parameters()
        if parameter.grad is None or not parameter.grad.isfinite().all() or not parameter.grad.any()
    }


def convolve(x, weight, bias, *, left):
    """Convolve (t, e) with zeros outside, the window reaching `left` positions to the left."""
    k = weight.shape[2]
    around = np.pad(x, ((left, k), (0, 0)))
    windows = np.array([around[j : j + k] for j in range(len(x))])  # (t, k, e)
    return np.einsum("oek,tke->to", weight, windows) + bias


def group_norm(x, weight, bias, eps=1e-5):
    """Normalise by the mean and variance of all features of the note."""
    return (x - x.mean()) / np.sqrt(x.var() + eps) * weight + bias


def layer_norm(x, weight, bias, eps=1e-5):
    """Normalise each position."""
    mean, variance = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + eps) * weight + bias


def gru(x, w_in, w_state, b_in, b_state, *, start=0.0):
    """Give the states of gated recurrent units, in torch's order of gates."""
    h, states = np.full(w_state.shape[1], start), []
    for x_t in x:
        (r_x, z_x, n_x), (r_h, z_h, n_h) = (
            np.split(w_in @ x_t + b_in, 3),
            np.split(w_state @ h + b_state, 3),
        )
        r, z = expit(r_x + r_h), expit(z_x + z_h)
        h = (1 - z) * np.tanh(n_x + r * n_h) + z * h
        states.append(h)
    return np.array(states)


def lstm(x, w_in, w_state, b_in, b_state):
    """Give the states of an LSTM, in torch's order of gates."""
    h = c = np.zeros(w_state.shape[1])
    states = []
    for x_t in x:
        i, f, g, o = np.split(w_in @ x_t + b_in + w_state @ h + b_state, 4)
        c = expit(f) * c + expit(i) * np.tanh(g)
        h = expit(o) * np.tanh(c)
        states.append(h)
    return np.array(states)


def recurrent_parameters(module, name):
    """Give the parameters of a recurrent layer of torch, as `gru` and `lstm` take them."""
    kinds = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    return values(module, *(f"{name}.{kind}" for kind in kinds))


def bigru(module, name, x, *, start=0.0):
    """Give the states of `BiGRU`, ahead and back."""
    ahead = gru(x, *recurrent_parameters(module, f"{name}.ahead"), start=start)
    back = gru(x[::-1], *recurrent_parameters(module, f"{name}.back"), start=start)[::-1]
    return np.hstack([ahead, back])


def bilstm(module, name, x):
    """Give the states of `BiLSTM` before its normalisation, ahead and back."""
    ahead = lstm(x, *recurrent_parameters(module, f"{name}.ahead"))
    back = lstm(x[::-1], *recurrent_parameters(module, f"{name}.back"))[::-1]
    return np.hstack([ahead, back])


def attend(queries, keys, pooled):
    """Pool (t, d) for each query, by the softmax of its products with the keys."""
    return softmax(queries @ keys.T, axis=1) @ pooled
