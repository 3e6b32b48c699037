"""A convolutional layer, forward."""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def convolution(x: Any, filters: Any, bias: Any, stride: int, padding: int) -> Any:
    """Slide K filters (K, C, F_h, F_w) over an image x (C, H, W); return (K, H_out, W_out)."""
    padded = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
    windows = sliding_window_view(padded, filters.shape[2:], axis=(1, 2))[:, ::stride, ::stride]
    return np.einsum("cijuv,kcuv->kij", windows, filters) + bias[:, None, None]
