"""What a network of masses may give."""


def make_channels_error(channels: int) -> ValueError:
    """The error of logits with so many channels, which are those of no network of masses."""
    return ValueError(f"logits have {channels} channels; a mass network has 1 (mass) or 2 (background, mass).")
