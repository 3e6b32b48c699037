"""The visualisers, and the pictures that stand in for them."""
