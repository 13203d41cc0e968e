from . import test_diferencia
