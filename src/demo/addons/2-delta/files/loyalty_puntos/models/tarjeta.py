from odoo import _, api, fields, models
from odoo.exceptions import UserError


class TiendaPuntosTarjeta(models.Model):
    _name = "tienda.puntos.tarjeta"
    _description = "Loyalty card"

    name = fields.Char(string="Card number", required=True, index=True)
    partner_id = fields.Many2one("res.partner", string="Customer", required=True)
    program_id = fields.Many2one(
        "tienda.puntos.programa",
        string="Program",
        required=True,
    )
    movement_ids = fields.One2many(
        "tienda.puntos.movimiento",
        "card_id",
        string="Movements",
    )
    points = fields.Integer(string="Points", compute="_compute_points")

    _sql_constraints = [
        ("name_once", "UNIQUE (name)", "A card number is used once only."),
    ]

    @api.depends("movement_ids.points", "movement_ids.expires_on")
    def _compute_points(self):
        today = fields.Date.context_today(self)
        for card in self:
            valid = card.movement_ids.filtered(lambda m: not m.expires_on or m.expires_on >= today)
            card.points = sum(valid.mapped("points"))

    def redeem(self, reward):
        """Takes the points of a reward from the card. Raises when there are too few."""
        self.ensure_one()
        if self.points < reward.cost:
            raise UserError(_("Card %s has only %s points.") % (self.name, self.points))
        return self.env["tienda.puntos.movimiento"].create(
            {"card_id": self.id, "kind": "redeemed", "points": -reward.cost, "notes": reward.name}
        )
