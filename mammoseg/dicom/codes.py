"""Coded concepts of the results: SNOMED CT and DICOM codes, held to pydicom's code dictionary by a test."""

from pydicom.dataset import Dataset
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

NEIGHBORHOOD_ANALYSIS = Code("123101", "DCM", "Neighborhood Analysis")
"""The same, of what learned nothing and compares grey values, such as a random walker."""

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
"""Name of an image in the library, as highdicom writes it, which asks for a name."""

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
"""Measurement, here the score of a lesion; TID 4006 has it as 0 to 100 %."""

MILLIMETRE = Code("mm", "UCUM", "mm")
SQUARE_MILLIMETRE = Code("mm2", "UCUM", "square millimeter")
PERCENT = Code("%", "UCUM", "Percent")
"""Units, CID 7181."""

PIXELS = Code("{pixels}", "UCUM", "Pixels")
"""Unit of TID 1602 for Pixel Data Rows; not in pydicom's dictionary, as highdicom writes it."""

SIDE = {"L": Code("80248007", "SCT", "Left breast"), "R": Code("73056007", "SCT", "Right breast")}
"""Image Laterality in a CAD report, CID 6022, by the value of Image Laterality (0020,0062)."""

VIEW = {
    "CC": Code("399162004", "SCT", "cranio-caudal"),
    "MLO": Code("399368009", "SCT", "medio-lateral oblique"),
    "ML": Code("399260004", "SCT", "medial-lateral"),
    "LM": Code("399352003", "SCT", "latero-medial"),
    "LMO": Code("399099002", "SCT", "latero-medial oblique"),
    "FB": Code("399196006", "SCT", "caudo-cranial"),
    "SIO": Code("399188001", "SCT", "superolateral to inferomedial oblique"),
    "ISO": Code("441555000", "SCT", "inferomedial to superolateral oblique"),
    "XCCL": Code("399192008", "SCT", "cranio-caudal exaggerated laterally"),
    "XCCM": Code("399101009", "SCT", "cranio-caudal exaggerated medially"),
}
"""Image View, CID 4014, by its short name (`mammoseg.dicom.attributes.read_view`)."""

MAMMOGRAPHY_CAD_REPORT = Code("111036", "DCM", "Mammography CAD Report")
"""Title of a Mammography CAD SR, TID 4000 row 1."""

LANGUAGE = Code("121049", "DCM", "Language of Content Item and Descendants")
"""TID 1204."""

IMAGE_LATERALITY = Code("111027", "DCM", "Image Laterality")
IMAGE_VIEW = Code("111031", "DCM", "Image View")
PATIENT_ORIENTATION_ROW = Code("111044", "DCM", "Patient Orientation Row")
PATIENT_ORIENTATION_COLUMN = Code("111043", "DCM", "Patient Orientation Column")
STUDY_DATE = Code("111060", "DCM", "Study Date")
HORIZONTAL_PIXEL_SPACING = Code("111026", "DCM", "Horizontal Pixel Spacing")
VERTICAL_PIXEL_SPACING = Code("111066", "DCM", "Vertical Pixel Spacing")
"""Descriptors of an image in the library of a CAD report, TID 4020."""

CAD_SUMMARY = Code("111017", "DCM", "CAD Processing and Findings Summary")
WITH_FINDINGS = Code("111242", "DCM", "All algorithms succeeded; with findings")
WITHOUT_FINDINGS = Code("111241", "DCM", "All algorithms succeeded; without findings")
"""TID 4001 row 1 and its values, CID 6047."""

INDIVIDUAL_IMPRESSION = Code("111034", "DCM", "Individual Impression/Recommendation")
"""Container of findings, TID 4003."""

RENDERING_INTENT = Code("111056", "DCM", "Rendering Intent")
PRESENTATION_OPTIONAL = Code("111151", "DCM", "Presentation Optional: Rendering device may present")
"""Whether a workstation shows a finding at once, CID 6034."""

SINGLE_IMAGE_FINDING = Code("111059", "DCM", "Single Image Finding")
"""One lesion in one image, TID 4006."""

DENSITY_OF_MASS = Code("129793001", "SCT", "Mammography breast density")
"""What CAD reports call a mass in one image, CID 6014: the examples of PS3.17 E.3 detect masses under this code and
give the name "Mass" only to the composite of several views (CID 6016), which one image cannot make."""

CENTER = Code("111010", "DCM", "Center")
OUTLINE = Code("111041", "DCM", "Outline")
"""Geometry of a finding, TID 4021."""

SUMMARY_OF_DETECTIONS = Code("111064", "DCM", "Summary of Detections")
SUMMARY_OF_ANALYSES = Code("111065", "DCM", "Summary of Analyses")
SUCCEEDED = Code("111222", "DCM", "Succeeded")
NOT_ATTEMPTED = Code("111225", "DCM", "Not Attempted")
"""TID 4000 rows 6 and 8 and their values, CID 6042."""

SUCCESSFUL_DETECTIONS = Code("111063", "DCM", "Successful Detections")
DETECTION_PERFORMED = Code("111022", "DCM", "Detection Performed")
"""TID 4015 and 4017."""

ALGORITHM_NAME = Code("111001", "DCM", "Algorithm Name")
ALGORITHM_VERSION = Code("111003", "DCM", "Algorithm Version")
ALGORITHM_PARAMETERS = Code("111002", "DCM", "Algorithm Parameters")
"""TID 4019."""


def build_code_item(code: Code) -> Dataset:
    """Item of a code sequence, PS3.3 8.8: value, scheme and meaning."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code.value, code.scheme_designator, code.meaning
    return item
