"""An archive in a night: the predictor over very many mammograms, on this machine or on many."""
