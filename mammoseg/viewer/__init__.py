"""The OHIF viewer on this machine, for results that must not leave it."""
