from . import test_puntos
