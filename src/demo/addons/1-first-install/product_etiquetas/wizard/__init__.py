from . import imprimir
