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
