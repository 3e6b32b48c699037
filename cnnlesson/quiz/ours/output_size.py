"""How large the output is along one axis."""


def output_size(size: int, filter_size: int, stride: int, padding: int) -> int:
    """Count the positions of a filter along one axis: (size - F + 2P) // S + 1."""
    return (size - filter_size + 2 * padding) // stride + 1
