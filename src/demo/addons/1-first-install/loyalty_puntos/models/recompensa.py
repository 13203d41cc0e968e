from odoo import api, fields, models


class TiendaPuntosRecompensa(models.Model):
    _name = "tienda.puntos.recompensa"
    _description = "Reward"

    name = fields.Char(string="Name", required=True, translate=True)
    program_id = fields.Many2one(
        "tienda.puntos.programa",
        string="Program",
        required=True,
        ondelete="cascade",
    )
    kind = fields.Selection(
        [("discount", "Discount"), ("gift", "Gift")],
        string="Kind",
        default="discount",
    )
    cost = fields.Integer(string="Cost in points", required=True)
    value = fields.Float(string="Value")
    product_id = fields.Many2one("product.product", string="Product")

    @api.model
    def affordable(self, card):
        """Rewards that the points of a card suffice for, dearest first."""
        domain = [("program_id", "=", card.program_id.id), ("cost", "<=", card.points)]
        return self.search(domain, order="cost desc")
