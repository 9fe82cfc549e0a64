"""Reading what hospitals and collections hold, and the one datalist that describes it."""
