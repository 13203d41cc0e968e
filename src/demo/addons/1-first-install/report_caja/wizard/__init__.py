from . import exportar
