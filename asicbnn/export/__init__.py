"""The accelerator as a folder for simulators, synthesis and layout."""

from asicbnn.export.folder import export

__all__ = ["export"]
