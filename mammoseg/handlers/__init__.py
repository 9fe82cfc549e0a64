"""Ignite handlers that MONAI and Ignite do not have, one a file."""
