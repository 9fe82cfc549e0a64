"""Losses that MONAI does not have, one a file; all take logits."""
