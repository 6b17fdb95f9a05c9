"""Fast products: as exact as others, and nothing left behind."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import torch

from sklearn_icd.nn._products import fast_products, has_fast_products

needs_them = pytest.mark.skipif(
    not has_fast_products("cpu"), reason="this processor has no faster products"
)


def setting():
    return torch.backends.mkldnn.matmul.fp32_precision


def test_products_stay_exact_to_float32():
    draw = torch.Generator().manual_seed(0)
    left, right = (torch.randn(200, 200, generator=draw) for _ in range(2))
    with fast_products("cpu"):
        product = left @ right
    exact = left.double() @ right.double()
    assert (product - exact).norm() < 1e-6 * exact.norm()


@needs_them
def test_the_setting_is_left_as_it_was_after_an_error():
    before = setting()

    def fail():
        with fast_products("cpu"):
            assert setting() != before
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert setting() == before


@needs_them
def test_inside_each_other():
    before = setting()
    with fast_products("cpu"):
        inside = setting()
        with fast_products("cpu"):
            assert setting() == inside
        assert setting() == inside != before
    assert setting() == before


@needs_them
def test_threads_that_overlap_leave_the_setting_as_it_was():
    before = setting()
    both_in, first_out = Barrier(2), Barrier(2)

    def first():
        with fast_products("cpu"):
            both_in.wait()
        first_out.wait()

    def second():
        with fast_products("cpu"):
            both_in.wait()
            first_out.wait()
            return setting()

    with ThreadPoolExecutor(2) as pool:
        pool.submit(first)
        assert pool.submit(second).result() != before
    assert setting() == before


@pytest.mark.parametrize(("device", "dtype"), [("cuda", torch.float32), ("cpu", torch.float64)])
def test_other_products_have_no_faster_way(device, dtype):
    assert not has_fast_products(device, dtype)
