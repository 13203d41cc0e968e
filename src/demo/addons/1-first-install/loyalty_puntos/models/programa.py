from odoo import api, fields, models


class TiendaPuntosPrograma(models.Model):
    _name = "tienda.puntos.programa"
    _description = "Loyalty program"

    name = fields.Char(string="Name", required=True, translate=True)
    rate = fields.Float(string="Points per unit of currency", default=1.0)
    days = fields.Integer(string="Points expire after (days)", default=365)
    reward_ids = fields.One2many(
        "tienda.puntos.recompensa",
        "program_id",
        string="Rewards",
    )
    active = fields.Boolean(string="Active", default=True)

    def points_for(self, amount):
        """Whole points for an amount; fractions are dropped."""
        self.ensure_one()
        return int(amount * self.rate)

    @api.model
    def current(self):
        return self.search([], limit=1)
