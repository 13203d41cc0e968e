from . import programa
from . import tarjeta
from . import movimiento
from . import recompensa
from . import venta
