from . import impuesto
from . import tipo_documento
from . import res_partner
from . import redondeo
