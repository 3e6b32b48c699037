"""Random valid settings for the operators, and oracles that nobody here wrote."""

from contextlib import contextmanager
from dataclasses import dataclass
from unittest import mock

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from scipy import signal

from cnnlesson.ops import strips, unshared

LAYOUTS = {
    "contiguous": lambda a: a.copy(),
    "fortran": np.asfortranarray,
    "every second": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "backwards": lambda a: a[..., ::-1].copy()[..., ::-1],
    "batch last": lambda a: np.ascontiguousarray(a.T).T,
}


@dataclass
class Case:
    """A convolution's arrays and settings.

    The arrays hold small whole numbers, so that every sum is exact in float32 and results must
    agree to the last bit, in whichever order they were added.
    """

    seed: int
    dtype: str
    layout: str
    batch: int
    groups: int
    channels_per_group: int
    filters_per_group: int
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    has_bias: bool

    def __post_init__(self):
        (self.h, f_h, s_h, d_h, *p_h), (self.w, f_w, s_w, d_w, *p_w) = self.rows, self.columns
        self.settings = {
            "stride": (s_h, s_w),
            "padding": (p_h, p_w),
            "dilation": (d_h, d_w),
            "groups": self.groups,
        }
        k = self.groups * self.filters_per_group
        self.x = self.array(self.batch, self.groups * self.channels_per_group, self.h, self.w)
        self.filters = self.array(k, self.channels_per_group, f_h, f_w)
        self.bias = self.array(k) if self.has_bias else None
        self.out = tuple(
            (size + sum(pad) - d * (f - 1) - 1) // s + 1
            for size, f, s, d, *pad in (self.rows, self.columns)
        )
        self.dy = self.array(self.batch, k, *self.out)

    def array(self, *shape):
        self.seed += 1
        values = np.random.default_rng(self.seed).integers(-4, 5, shape)
        return LAYOUTS[self.layout](values.astype(self.dtype))


@st.composite
def axes(draw):
    """Size, filter, stride, dilation and padding at both ends of one axis."""
    f, s, d = draw(st.integers(1, 4)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    before, after = draw(st.integers(0, 4)), draw(st.integers(0, 4))
    smallest = max(1, d * (f - 1) + 1 - before - after)
    return draw(st.integers(smallest, smallest + 7)), f, s, d, before, after


convolutions = st.builds(
    Case,
    seed=st.integers(0, 10**6),
    dtype=st.sampled_from(["float32", "float64"]),
    layout=st.sampled_from(sorted(LAYOUTS)),
    batch=st.integers(0, 3),
    groups=st.integers(1, 3),
    channels_per_group=st.integers(1, 3),
    filters_per_group=st.integers(1, 3),
    rows=axes(),
    columns=axes(),
    has_bias=st.booleans(),
)


def examples(number):
    """Try so many; no deadline, since the first call of an oracle may import half of it."""
    return settings(max_examples=number, deadline=None)


budgets = st.sampled_from([1, 500, 5000, 1 << 20])
"""Bytes of a strip: from one row of positions at a time to the whole batch."""


@contextmanager
def workspace(budget):
    """Cut the work into strips of that size, and fill all fresh memory with NaN."""
    empty = np.empty

    def poisoned(*args, **kwargs):
        array = empty(*args, **kwargs)
        if array.dtype.kind == "f":
            array.fill(np.nan)
        return array

    with (
        mock.patch.object(strips, "_BYTES", budget),
        mock.patch.object(unshared, "_BYTES", budget),
        mock.patch.object(np, "empty", poisoned),
    ):
        yield


def correlated(x, filters, bias=None, *, stride, padding, dilation, groups):
    """Convolve with `scipy.signal.correlate`, in float64."""
    x = np.pad(x.astype(float), ((0, 0), (0, 0), *padding))
    k, per_group, *size = filters.shape
    spread = np.zeros(
        (k, per_group, *(d * (f - 1) + 1 for f, d in zip(size, dilation, strict=True)))
    )
    spread[:, :, :: dilation[0], :: dilation[1]] = filters
    y = [
        [
            signal.correlate(
                image[i * groups // k * per_group :][:per_group], spread[i], "valid", "direct"
            )[0, :: stride[0], :: stride[1]]
            for i in range(k)
        ]
        for image in x
    ]
    height, width = (
        (n - f) // s + 1 for n, f, s in zip(x.shape[2:], spread.shape[2:], stride, strict=True)
    )
    y = np.reshape(y, (len(x), k, height, width))
    return y if bias is None else y + bias[:, None, None]


def numerical_gradient(function, array, dy):
    """Differentiate sum(function() * dy) with respect to each number of `array`, centrally."""
    gradient = np.zeros(array.shape)
    for index in np.ndindex(array.shape):
        value, slopes = array[index], []
        for step in (1e-3, -1e-3):
            array[index] = value + step
            slopes.append((function() * dy).sum())
        array[index] = value
        gradient[index] = (slopes[0] - slopes[1]) / 2e-3
    return gradient
