"""Prompts in, one mass out: what a person says about a mass, and the models that answer."""
