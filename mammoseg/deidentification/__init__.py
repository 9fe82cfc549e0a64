"""Copies without a patient, and the way back."""
