"""What computes a network, one file an engine; all give the same logits for the same image."""
