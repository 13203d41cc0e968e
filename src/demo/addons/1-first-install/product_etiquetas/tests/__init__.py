from . import test_formato
