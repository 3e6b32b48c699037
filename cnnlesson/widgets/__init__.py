"""Visualisers: layers to see, to move and to count; and the pictures that stand in for them."""

from cnnlesson.widgets.convolution import Convolution, convolution, padding

__all__ = ["Convolution", "convolution", "padding"]
