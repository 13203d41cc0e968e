from odoo import api, fields, models


class TiendaTrasladoLinea(models.Model):
    _name = "tienda.traslado.linea"
    _description = "Transfer line"

    transfer_id = fields.Many2one(
        "tienda.traslado",
        string="Transfer",
        required=True,
        ondelete="cascade",
    )
    product_id = fields.Many2one("product.product", string="Product", required=True)
    quantity = fields.Float(string="Quantity", default=1.0)
    received_quantity = fields.Float(string="Received quantity")
    difference = fields.Float(
        string="Difference",
        compute="_compute_difference",
        store=True,
    )

    @api.depends("quantity", "received_quantity", "transfer_id.state")
    def _compute_difference(self):
        for line in self:
            done = line.transfer_id.state == "done"
            line.difference = line.received_quantity - line.quantity if done else 0.0
