"""Visualisers: layers to see, to move and to count; and the pictures that stand in for them."""

from cnnlesson.widgets.builder import NetworkBuilder, network
from cnnlesson.widgets.convolution import Convolution, convolution, padding
from cnnlesson.widgets.dimensionality import Dimensionality, dimensionality, growth
from cnnlesson.widgets.sharing import ParameterSharing, sharing

__all__ = [
    "Convolution",
    "Dimensionality",
    "NetworkBuilder",
    "ParameterSharing",
    "convolution",
    "dimensionality",
    "growth",
    "network",
    "padding",
    "sharing",
]
