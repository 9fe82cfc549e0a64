"""CBIS-DDSM (Lee et al. 2017, doi:10.1038/sdata.2017.177) in four layouts; docs/datasets/cbis_ddsm.md."""

from mammoseg.data import cbis_ddsm_dicom, cbis_ddsm_jpeg, cbis_ddsm_png
from mammoseg.data.cbis_ddsm_tables import read_tables
from mammoseg.data.cbis_ddsm_views import build_records
from mammoseg.data.datalist import Record
from mammoseg.data.ingest_job import IngestJob

LICENSE = "CC BY; TCIA collection CBIS-DDSM, cite doi:10.7937/K9/TCIA.2016.7O02S9CY and doi:10.1038/sdata.2017.177"


def collect(job: IngestJob, *, calcifications: bool = False) -> list[Record]:
    """Records of the mass cases below the input folders.

    A folder with an ``index.csv`` holds a copy as PNG, one with ``csv/dicom_info.csv`` the copy as JPEG, any other the
    DICOM tree of TCIA; tables may lie in any.

    Args:
        calcifications: take the views that show calcifications only, too; their masks are empty.
    Raises:
        WrongCallError: an input is no folder, or no table is there.
    """
    folders = job.require_folders()
    kinds = ("mass", "calcification") if calcifications else ("mass",)
    rows = read_tables(folders)
    wanted = [row for row in rows if row.kind in kinds]
    copies = [folder for folder in folders if cbis_ddsm_png.is_png_copy(folder)]
    archives = {
        folder: root for folder in folders if folder not in copies and (root := cbis_ddsm_jpeg.find_copy(folder))
    }
    trees = [folder for folder in folders if folder not in copies and folder not in archives]
    records = cbis_ddsm_png.collect(job, copies, wanted)
    for root in archives.values():
        records += build_records(job, cbis_ddsm_jpeg.open_copy(root, job.report), wanted, known=rows)
    if trees:
        records += build_records(job, cbis_ddsm_dicom.open_trees(trees, job.report), wanted, known=rows)
    return records
