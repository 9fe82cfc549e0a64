"""One image in, its lesions out."""
