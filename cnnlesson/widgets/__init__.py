"""Visualisers: layers to see, to move and to count."""

from cnnlesson.widgets.builder import NetworkBuilder, network
from cnnlesson.widgets.convolution import Convolution, convolution, padding

__all__ = ["Convolution", "NetworkBuilder", "convolution", "network", "padding"]
