from . import test_venta
from . import test_pago
from . import test_promocion
