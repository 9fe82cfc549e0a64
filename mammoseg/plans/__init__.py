"""Many trainings by one file: what they are, in which order, what became of them; and those of the papers' tables."""
