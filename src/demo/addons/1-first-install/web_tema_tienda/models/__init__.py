from . import apariencia
