"""Bundles as models of the app: serving, training, scoring, versions."""
