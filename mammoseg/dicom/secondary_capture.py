"""Secondary Capture of one mammogram with its masses outlined: a picture that any viewer shows, PS3.3 A.8.1."""

import highdicom as hd
import numpy as np
from pydicom.uid import JPEGLSLossless
from pydicom.valuerep import DA, TM

from mammoseg.dicom.analysis import Analysis
from mammoseg.dicom.attributes import read_laterality
from mammoseg.dicom.object_attributes import DRAWN, build_equipment_attributes, build_series_attributes, stamp
from mammoseg.dicom.quiet import no_header_values_in_warnings
from mammoseg.dicom.source_header import find_patient_orientation
from mammoseg.mammogram import Mammogram
from mammoseg.overlay import draw_overlay

LONGEST_SIDE = 2048
"""Largest width or height in pixels: more than a screen shows of a mammogram, a fifth of the bytes of full size."""

SERIES_NUMBER = 40_000
"""First Series Number of secondary captures: behind the reports."""

LOSSY_KEYWORDS = ("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod")
"""What says that pixels have lost something, which all pixels made from them have too; PS3.3 C.7.6.1.1.5."""


@no_header_values_in_warnings()
def build_secondary_capture(analysis: Analysis, mammogram: Mammogram) -> hd.sc.SCImage:
    """Draw outline and number of each lesion on the mammogram in its displayed greys, over a line that says by whom.

    RGB in JPEG-LS Lossless, scaled so that no side is longer than `LONGEST_SIDE`, in the stored orientation; it states
    no pixel size, since measurements belong on the mammogram. UIDs follow from the source, the algorithm and the
    picture.

    Args:
        mammogram: pixels of the source after its VOI, ``(Rows, Columns)``.

    Raises:
        ValueError: the mammogram is not of the shape of the source.
    """
    if mammogram.pixels.shape != analysis.shape:
        raise ValueError(
            f"the mammogram is {mammogram.pixels.shape}, its header {analysis.shape} (Rows, Columns); read that file."
        )
    picture = draw_overlay(
        mammogram.pixels,
        analysis.lesions,
        sentence=DRAWN if analysis.algorithm is None else "\n".join(analysis.algorithm.caption),
        longest_side=LONGEST_SIDE,
        black_and_white=mammogram.value_range,
    )
    picture = np.ascontiguousarray(picture[..., ::-1])  # red, green, blue
    source, header, when = analysis.source, analysis.header, analysis.when
    instance = analysis.derive_instance_uid("SC", picture.tobytes())
    capture = hd.sc.SCImage(
        pixel_array=picture,
        transfer_syntax_uid=JPEGLSLossless,
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        patient_orientation=("A", "F"),  # highdicom wants one; the true one is set below
        study_instance_uid=header.StudyInstanceUID,
        content_date=when.date(),
        content_time=when.time(),
        specific_character_set="ISO_IR 192",
        **build_series_attributes(analysis, instance, first_number=SERIES_NUMBER, content="Masses, picture"),
        **build_equipment_attributes(analysis),
    )
    capture.copy_patient_and_study_information(header)
    capture.ConversionType = "WSD"
    capture.BurnedInAnnotation = "YES"
    capture.Laterality = read_laterality(source) or ""
    capture.PatientOrientation = find_patient_orientation(source) or []
    capture.DateOfSecondaryCapture, capture.TimeOfSecondaryCapture = DA(when.date()), TM(when.time())
    capture.DerivationDescription = "Outlines of masses burned in"
    capture.SourceImageSequence = list(hd.ReferencedImageSequence([header]))
    for keyword in LOSSY_KEYWORDS:
        if keyword in header:
            capture[keyword] = header[keyword]
    stamp(capture, analysis)
    return capture
