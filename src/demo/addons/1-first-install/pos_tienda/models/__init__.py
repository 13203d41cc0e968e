from . import caja
from . import sesion
from . import venta
from . import venta_linea
from . import promocion
