from odoo import _, api, fields, models

from ..tools import digits


class TiendaTipoDocumento(models.Model):
    _name = "tienda.tipo.documento"
    _description = "Identity document type"
    _order = "country_id, code"

    name = fields.Char(string="Name", required=True)
    code = fields.Char(string="Code", required=True)
    length = fields.Integer(string="Length", required=True)
    check_digit = fields.Selection(
        [("none", "None"), ("mod11", "Modulo 11"), ("mod10", "Modulo 10")],
        string="Check digit",
        default="none",
    )
    country_id = fields.Many2one("res.country", string="Country", required=True)

    def problem_of(self, number):
        """What is wrong with a document number of this type, or None."""
        self.ensure_one()
        clean = "".join(c for c in number if c.isalnum())
        if len(clean) != self.length:
            return _("The document number %s must have %s characters.") % (number, self.length)
        if self.check_digit != "none" and not digits.is_valid(self.check_digit, clean):
            return _("The check digit of %s is wrong.") % number
        return None

    @api.model
    def for_country(self, country):
        return self.search([("country_id", "=", country.id)])
