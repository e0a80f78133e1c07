"""The made-up shop, with the truth known."""
