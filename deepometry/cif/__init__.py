"""The .cif and .rif files of Amnis imaging flow cytometers (ImageStream, FlowSight)."""

from deepometry.cif.codec import CifError
from deepometry.cif.reader import CifCell, CifReader
from deepometry.cif.writer import CifWriter

__all__ = ["CifCell", "CifError", "CifReader", "CifWriter"]
