"""CBIS-DDSM (Lee et al. 2017, doi:10.1038/sdata.2017.177) in three layouts; docs/datasets/cbis_ddsm.md."""

from mammoseg.data import cbis_ddsm_dicom, cbis_ddsm_png
from mammoseg.data.cbis_ddsm_tables import read_tables
from mammoseg.data.datalist import Record
from mammoseg.data.ingest_job import IngestJob

LICENSE = "CC BY; TCIA collection CBIS-DDSM, cite doi:10.7937/K9/TCIA.2016.7O02S9CY and doi:10.1038/sdata.2017.177"


def collect(job: IngestJob, *, calcifications: bool = False) -> list[Record]:
    """Records of the mass cases below the input folders.

    A folder with an ``index.csv`` holds a copy as pictures, any other the DICOM tree of TCIA; tables may lie in any.

    Args:
        calcifications: take the views that show calcifications only, too; their masks are empty.
    Raises:
        WrongCallError: an input is no folder, or no table is there.
    """
    folders = job.folders()
    kinds = ("mass", "calcification") if calcifications else ("mass",)
    rows = read_tables(folders)
    wanted = [row for row in rows if row.kind in kinds]
    copies = [folder for folder in folders if cbis_ddsm_png.is_png_copy(folder)]
    trees = [folder for folder in folders if folder not in copies]
    records = cbis_ddsm_png.collect(job, copies, wanted)
    return records + (cbis_ddsm_dicom.collect(job, trees, wanted, known=rows) if trees else [])
