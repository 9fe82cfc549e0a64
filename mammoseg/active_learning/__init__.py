"""Which image should be labelled next: scores of one image, and the strategies that choose by them."""
