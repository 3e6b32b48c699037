"""Convolution as the formula says it, one output number at a time.

It wins when the reader is a person: everything else in this package gives the same numbers faster.
"""

import numpy as np

from cnnlesson.ops import checks
from cnnlesson.ops.checks import Array
from cnnlesson.ops.geometry import read_convolution
from cnnlesson.ops.padding import pad
from cnnlesson.settings import PerAxis, PerSide


def conv2d_plain(
    x: Array,
    filters: Array,
    bias: Array | None = None,
    *,
    stride: PerAxis = 1,
    padding: PerSide = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
) -> Array:
    """Convolve by loops; arguments, result and errors are those of `conv2d`.

    y[n, k, i, j] = b[k] + sum over c, u, v of w[k, c, u, v] * x[n, c, i*S + u*D, j*S + v*D],
    where x is padded and c goes over the channels of the filter's group.
    """
    checks.same_floats(x=x, filters=filters, bias=bias)
    checks.rank("filters", filters, "K, C/G, F_h, F_w")
    g = read_convolution(
        x, filters, stride=stride, padding=padding, dilation=dilation, groups=groups
    )
    checks.shape("bias", bias, filters.shape[:1], f"one per filter of filters {filters.shape}")
    padded = pad(x, padding)
    y = np.zeros(g.out_shape, x.dtype)
    filters_per_group, channels_per_group = len(filters) // groups, filters.shape[1]
    for n in range(g.batch):
        for k in range(g.out_channels):
            first = k // filters_per_group * channels_per_group
            image = padded[n, first : first + channels_per_group]
            for i in range(g.rows.out):
                for j in range(g.columns.out):
                    top, left = i * g.rows.stride, j * g.columns.stride
                    patch = image[
                        :,
                        top : top + g.rows.span : g.rows.dilation,
                        left : left + g.columns.span : g.columns.dilation,
                    ]
                    y[n, k, i, j] = (filters[k] * patch).sum()
            if bias is not None:
                y[n, k] += bias[k]
    return y
