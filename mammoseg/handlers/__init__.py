"""Ignite handlers that MONAI does not have, one a file."""
