from . import test_apariencia
