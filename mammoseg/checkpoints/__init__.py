"""Weights with the settings they were trained under: read without running anything, loaded whole or not at all."""
