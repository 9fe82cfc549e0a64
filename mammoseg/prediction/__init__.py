"""`mammoseg predict`: one file after the other, or several at once, resumable, with one row for each."""
