"""From per-image scores to tables, tests, plots and a report."""
