"""One filter at one position."""

from typing import Any

import numpy as np


def one_step(patch: Any, weights: Any, bias: Any) -> Any:
    """Weigh a patch (C, F_h, F_w), and add the bias."""
    return np.vdot(patch, weights) + bias
