"""Who stands behind a request, and what they may do."""
