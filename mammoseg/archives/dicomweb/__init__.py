"""DICOMweb (PS3.18): find and fetch mammograms, store results, with an archive that may fail or lie."""
