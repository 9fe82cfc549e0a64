"""Training and evaluating a bundle: what MONAI's workflow is given."""
