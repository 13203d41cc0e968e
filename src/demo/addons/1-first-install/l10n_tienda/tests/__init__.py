from . import test_digits
from . import test_impuesto
