from . import sucursal
from . import traslado
from . import traslado_linea
from . import existencia_minima
