"""Labels as queries and as weights: free vectors, titles, and labels added later."""

import numpy as np
import pytest
import torch

from sklearn_icd.nn import LabelQueries, LabelScores, LabelVectors
from sklearn_icd.nn._scoring import TanhKeys

N_LABELS, DIM, WIDTH = 50, 40, 30


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def draw_titles(n=N_LABELS):
    return torch.randn(n, WIDTH)


def train(vectors):
    """Move the free parameters away from where they start."""
    with torch.no_grad():
        vectors.free += torch.randn_like(vectors.free)
    return vectors


def numpy_of(tensor):
    return tensor.detach().numpy()


def test_without_titles_the_vectors_are_the_parameters():
    vectors = LabelVectors(N_LABELS, DIM)
    assert [name for name, _ in vectors.named_parameters()] == ["free"]
    assert vectors() is vectors.free
    assert vectors().shape == (N_LABELS, DIM)


def test_free_parameters_plus_a_linear_map_of_the_titles():
    titles = draw_titles()
    vectors = train(LabelVectors(N_LABELS, DIM, titles=titles))
    titles = numpy_of(titles)
    mapped = (titles - titles.mean(axis=0)) @ numpy_of(vectors.map.weight).T
    expected = numpy_of(vectors.free) + mapped
    np.testing.assert_allclose(numpy_of(vectors()), expected, rtol=1e-4, atol=1e-5)
    assert {name for name, _ in vectors.named_parameters()} == {"free", "map.weight"}
    assert "titles" in vectors.state_dict()


def test_labels_with_like_titles_start_alike():
    titles = draw_titles()
    titles[1] = titles[0]
    vectors = LabelVectors(N_LABELS, DIM, titles=titles)
    assert not vectors.free.any()
    assert torch.equal(vectors()[0], vectors()[1])


@pytest.mark.parametrize("titled", [False, True])
@pytest.mark.parametrize("spread", [1.0, 3.0])
def test_products_with_features_start_with_the_spread(titled, spread):
    n = 2000
    titles = draw_titles(n) if titled else None
    vectors = LabelVectors(n, DIM, titles=titles, spread=spread)
    products = torch.randn(200, DIM) @ vectors().T
    assert products.std().item() == pytest.approx(spread, rel=0.1)


def test_an_added_label_is_the_map_of_its_title():
    titles = draw_titles() + 5
    vectors = train(LabelVectors(N_LABELS, DIM, titles=titles))
    before, new = vectors(), draw_titles(3) + 5
    vectors.append_codes(new[:1])
    vectors.append_codes(new[1:].double())  # of any precision
    after = vectors()
    assert after.shape == (N_LABELS + 3, DIM)
    torch.testing.assert_close(after[:N_LABELS], before)
    torch.testing.assert_close(after[N_LABELS:], vectors.map(new - titles.mean(dim=0)))
    after.sum().backward()
    assert vectors.free.grad.shape == (N_LABELS, DIM)


def test_a_title_all_labels_share_tells_nothing():
    titles = draw_titles(1).expand(3, WIDTH)
    for same in (titles[:1], titles):
        vectors = LabelVectors(len(same), DIM, titles=same)
        assert vectors().abs().max() < 1e-3
        vectors.append_codes(draw_titles(200))
        products = torch.randn(200, DIM) @ vectors()[len(same) :].T
        assert products.std().item() < 20


def test_what_all_titles_have_in_common_does_not_count():
    titles = draw_titles(2000)
    vectors = LabelVectors(2000, DIM, titles=titles + 10)
    assert (torch.randn(200, DIM) @ vectors().T).std().item() == pytest.approx(1, rel=0.1)


def test_free_vectors_take_no_labels():
    with pytest.raises(ValueError, match="label_encoder"):
        LabelVectors(N_LABELS, DIM).append_codes(draw_titles(1))


@pytest.mark.parametrize("titled", [False, True])
def test_labels_with_known_vectors_stand_behind_the_others(titled):
    vectors = LabelVectors(N_LABELS, DIM, titles=draw_titles() if titled else None)
    before, known = vectors(), torch.randn(3, DIM, requires_grad=True)
    vectors.append_vectors(known[:1])
    vectors.append_vectors(known[1:].double())
    torch.testing.assert_close(vectors(), torch.cat([before, known]))
    vectors().sum().backward()
    assert known.grad is None
    assert vectors.free.grad.shape == (N_LABELS, DIM)
    assert "added" in vectors.state_dict()


def test_queries_keys_and_values():
    hidden = torch.randn(2, 4, DIM)
    vectors, project = LabelVectors(N_LABELS, DIM), torch.nn.Linear(DIM, DIM)
    queries, keys, values = LabelQueries(vectors)(hidden)
    assert queries is vectors.free
    assert keys is values is hidden
    queries, keys, values = LabelQueries(vectors, project=project)(hidden)
    assert queries is vectors.free
    assert values is hidden
    assert torch.equal(keys, project(hidden))


@pytest.mark.parametrize("near_identity", [False, True])
def test_the_keys_of_laat(near_identity):
    keys, hidden = TanhKeys(DIM, near_identity=near_identity), torch.randn(2, 4, DIM)
    expected = np.tanh(numpy_of(hidden) @ numpy_of(keys.linear.weight).T)
    np.testing.assert_allclose(numpy_of(keys(hidden)), expected, rtol=1e-4, atol=1e-5)
    assert keys.linear.bias is None
    assert torch.equal(keys(hidden), hidden.tanh()) == near_identity


def test_keys_may_be_of_another_width():
    keys, hidden = TanhKeys(DIM, 7), torch.randn(2, 4, DIM)
    expected = np.tanh(numpy_of(hidden) @ numpy_of(keys.linear.weight).T)
    assert expected.shape == (2, 4, 7)
    np.testing.assert_allclose(numpy_of(keys(hidden)), expected, rtol=1e-4, atol=1e-5)


def test_biases_start_as_the_log_odds_of_the_base_rates():
    rates = np.array([0.01, 0.5, 0.9])
    score = LabelScores(LabelVectors(3, DIM), base_rates=rates)
    np.testing.assert_allclose(1 / (1 + np.exp(-numpy_of(score.bias))), rates, rtol=1e-5)
    assert not LabelScores(LabelVectors(3, DIM)).bias.any()


def test_weights_and_biases():
    vectors = LabelVectors(N_LABELS, DIM, titles=draw_titles())
    score = LabelScores(vectors)
    with torch.no_grad():
        score.bias.normal_()
    weight, bias = score()
    torch.testing.assert_close(weight, vectors())
    assert torch.equal(bias, score.bias)
    vectors.append_codes(draw_titles(2))
    weight, longer = score()
    assert weight.shape == (N_LABELS + 2, DIM)
    assert torch.equal(longer[:N_LABELS], bias)
    torch.testing.assert_close(longer[N_LABELS:], score.bias.mean().expand(2))
