from odoo import api, fields, models


class TiendaRedondeo(models.Model):
    _name = "tienda.redondeo"
    _description = "Cash rounding"

    name = fields.Char(string="Name", required=True)
    coin = fields.Float(string="Smallest coin", digits=(12, 4), required=True)
    country_id = fields.Many2one("res.country", string="Country", required=True)

    def round_cash(self, amount):
        """`amount` rounded to the nearest coin; halves go in favour of the customer."""
        self.ensure_one()
        steps, rest = divmod(round(amount, 4), self.coin)
        return self.coin * (steps + (1 if rest > self.coin / 2 else 0))

    @api.model
    def for_company(self, company):
        return self.search([("country_id", "=", company.country_id.id)], limit=1)
