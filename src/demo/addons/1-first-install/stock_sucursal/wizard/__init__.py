from . import reponer
