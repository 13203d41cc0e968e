from odoo import api, fields, models


class TiendaPuntosMovimiento(models.Model):
    _name = "tienda.puntos.movimiento"
    _description = "Point movement"
    _order = "id desc"

    card_id = fields.Many2one(
        "tienda.puntos.tarjeta",
        string="Loyalty card",
        required=True,
        ondelete="restrict",
    )
    kind = fields.Selection(
        [("earned", "Earned"), ("redeemed", "Redeemed"), ("expired", "Expired"), ("corrected", "Corrected")],
        string="Kind",
        required=True,
    )
    points = fields.Integer(string="Points", required=True)
    date = fields.Datetime(string="Date", default=fields.Datetime.now)
    expires_on = fields.Date(string="Expires on")
    sale_id = fields.Many2one("pos.tienda.venta", string="Sale")
    notes = fields.Char(string="Notes")

    @api.model
    def earn(self, card, sale):
        """Books the points of a paid sale."""
        program = card.program_id
        expires = fields.Date.add(fields.Date.context_today(self), days=program.days) if program.days else False
        return self.create(
            {
                "card_id": card.id,
                "kind": "earned",
                "points": program.points_for(sale.total),
                "sale_id": sale.id,
                "expires_on": expires,
            }
        )
