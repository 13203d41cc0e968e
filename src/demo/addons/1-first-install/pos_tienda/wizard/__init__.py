from . import cierre_caja
