"""What the transforms do, on plain numpy arrays, so that a runtime without torch can call the same code."""
