"""What each lesson teaches, so that no question asks for what nobody was taught."""

LESSONS: dict[str, dict[str, str]] = {
    "01-parameter-sharing": {
        "filter-neuron-map": "tell filter, neuron and feature map apart, and say what they share",
        "equivariance": "say what becomes of a map when the input shifts",
        "count-parameters": "count a layer's parameters, with sharing and without",
        "what-sharing-saves": "say what sharing saves, what it does not, and why the image's size "
        "does not matter",
    },
    "02-padding": {
        "zeros-and-size": "say how zeros around an input change its size and the output's, "
        "and what they cost",
        "valid-same-full": "tell valid, same and full padding apart, also for even filters and "
        "strides over 1",
        "border-pixels": "say how often a pixel is used, and what layers without padding lose",
        "framework-conventions": "say where the frameworks put the zeros, and what that shifts",
    },
    "03-dimensionality": {
        "output-shape": "derive and use the formula for the output's shape, also where the stride "
        "does not fit",
        "chains": "follow shape and parameters through convolution, pooling and dense layers",
        "dilation-and-receptive-field": "say how many pixels a filter spans, and how many a "
        "neuron sees",
        "cost-of-a-layer": "work out neurons, multiply-adds and memory, and keep to a budget",
    },
    "04a-build-a-conv-layer": {
        "build-forward": "write a convolutional layer in NumPy",
    },
    "04b-backward": {
        "build-backward": "write its gradients, and check them",
    },
    "05-does-sharing-work": {
        "exact-shifts": "work out by how much a map moves when the image does, and say when that "
        "is exact",
        "cut-by-zeros": "say where zeros at the border break it, and what they tell about the "
        "place",
        "what-a-maximum-forgets": "say for which shifts a global maximum stays the same, and why",
        "sharing-and-head": "say what a network needs, besides sharing, to know an object anywhere",
    },
}
"""The lessons in their order; each has its objectives, by id and in words."""
