"""Visualisers: layers to see, to move and to count."""

from cnnlesson.widgets.convolution import Convolution, convolution, padding

__all__ = ["Convolution", "convolution", "padding"]
