from . import ventas_dia
from . import diferencia
from . import sesion
