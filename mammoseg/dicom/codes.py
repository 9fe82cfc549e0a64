"""Coded concepts of a mass segmentation: SNOMED CT and DICOM codes, held to pydicom's code dictionary by a test."""

from pydicom.sr.coding import Code

MORPHOLOGICALLY_ABNORMAL_STRUCTURE = Code("49755003", "SCT", "Morphologically Abnormal Structure")
"""Segmented property category, CID 7150."""

MASS = Code("4147007", "SCT", "Mass")
"""Segmented property type, CID 7151."""

BREAST = Code("76752008", "SCT", "Breast")
"""Anatomic region, CID 4013."""

LATERALITY = {"L": Code("7771000", "SCT", "Left"), "R": Code("24028007", "SCT", "Right")}
"""Modifier of the anatomic region, CID 244, by the value of Image Laterality (0020,0062)."""

ARTIFICIAL_INTELLIGENCE = Code("123110", "DCM", "Artificial Intelligence")
"""Algorithm family, CID 7162."""

PROCESSING_EQUIPMENT = Code("109102", "DCM", "Processing Equipment")
"""Purpose of reference of the contributing equipment, CID 7005."""

IMAGING_MEASUREMENT_REPORT = Code("126000", "DCM", "Imaging Measurement Report")
"""Title of a measurement report, CID 7021."""

IMAGING_MEASUREMENTS = Code("126010", "DCM", "Imaging Measurements")
"""Container of the measurement groups, TID 1500 row 6."""

QUALITATIVE_EVALUATIONS = Code("C0034375", "UMLS", "Qualitative Evaluations")
"""Container of what is said of the image as a whole, TID 1500 row 12; not in pydicom's dictionary, as DCMTK has it."""

PROCEDURE_REPORTED = Code("121058", "DCM", "Procedure reported")
"""TID 1500 row 4."""

MAMMOGRAPHY = Code("71651007", "SCT", "Mammography")
"""Value of `PROCEDURE_REPORTED`; CID 100, which is extensible, lists no procedure of the breast."""

IMAGE_LIBRARY = Code("111028", "DCM", "Image Library")
"""Container of the images that a report is about, TID 1600 row 1 and TID 4000 row 3."""

IMAGE_LIBRARY_GROUP = Code("126200", "DCM", "Image Library Group")
"""TID 1600 row 2."""

SOURCE = Code("260753009", "SCT", "Source")
"""Name of an image in the library; not in pydicom's dictionary, as highdicom writes it (which asks for a name)."""

MODALITY = Code("121139", "DCM", "Modality")
"""Descriptor of an image in the library, TID 1602."""

MG = Code("MG", "DCM", "Mammography")
"""Value of `MODALITY`, CID 29."""

COMMENT = Code("121106", "DCM", "Comment")
"""Name of a text that says something of the whole report, TID 1500 row 14."""

PRESENT = Code("52101004", "SCT", "Present")
"""Value of a qualitative evaluation, CID 240."""

ABSENT = Code("272519000", "SCT", "Absent")
"""Value of a qualitative evaluation, CID 240."""

DEVICE = Code("121007", "DCM", "Device")
"""Observer type, CID 270."""

AREA = Code("42798000", "SCT", "Area")
"""Measurement, CID 7469."""

LONG_AXIS = Code("103339001", "SCT", "Long axis")
"""Measurement, CID 7469."""

SHORT_AXIS = Code("103340004", "SCT", "Short axis")
"""Measurement, CID 7469."""

CERTAINTY_OF_FINDING = Code("111012", "DCM", "Certainty of Finding")
"""Measurement, here the mean probability that the network gives; TID 4006 has it as 0 to 100 %."""

MEAN = Code("373098007", "SCT", "Mean")
"""Derivation of a measurement, CID 7464."""

MILLIMETRE = Code("mm", "UCUM", "mm")
SQUARE_MILLIMETRE = Code("mm2", "UCUM", "square millimeter")
PERCENT = Code("%", "UCUM", "Percent")
PIXELS = Code("{pixels}", "UCUM", "Pixels")
"""Unit of TID 1602 for Pixel Data Rows; not in pydicom's dictionary, as highdicom writes it."""
