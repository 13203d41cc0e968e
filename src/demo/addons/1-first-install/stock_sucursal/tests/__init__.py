from . import test_traslado
