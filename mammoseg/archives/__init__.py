"""DICOMweb and C-STORE: fetch, store, `send`."""
