from . import formato
from . import cola
