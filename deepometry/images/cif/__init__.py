"""The .cif and .rif files of Amnis imaging flow cytometers (ImageStream, FlowSight)."""
