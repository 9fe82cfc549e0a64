"""What a person sees of a run of `mammoseg predict`: overlay pictures, one table, one page."""
