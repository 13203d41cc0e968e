from . import canjear
