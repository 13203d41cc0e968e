"""Rates that were in use before have always been valid: give them an open start."""


def migrate(cr, version):
    cr.execute("UPDATE tienda_impuesto SET valid_from = NULL WHERE valid_from IS NULL")
