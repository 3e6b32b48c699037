"""Visualisers: layers to see, to move and to count."""

from cnnlesson.widgets.convolution import Convolution, convolution, padding
from cnnlesson.widgets.dimensionality import Dimensionality, dimensionality, growth

__all__ = [
    "Convolution",
    "Dimensionality",
    "convolution",
    "dimensionality",
    "growth",
    "padding",
]
