"""Secondary capture and presentation state of the made analysis, by one call."""

from mammoseg.data.mammogram import read_mammogram
from mammoseg.dicom.presentation_state import build_presentation_state
from mammoseg.dicom.secondary_capture import build_secondary_capture
from tests.made_analysis import made_analysis


def build(kind, analysis, path):
    if kind == "PR":
        return build_presentation_state(analysis)
    return build_secondary_capture(analysis, read_mammogram(path, modalities=("MG", "RG")))


def made(kind, folder, **changed):
    analysis = made_analysis(folder, **changed)
    return build(kind, analysis, folder / "source.dcm")
