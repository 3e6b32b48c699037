"""What a convolutional layer learns."""


def parameter_count(
    filter_height: int, filter_width: int, in_channels: int, out_channels: int
) -> int:
    """Count the weights and biases of a layer: (F_h · F_w · C + 1) · K."""
    return (filter_height * filter_width * in_channels + 1) * out_channels
