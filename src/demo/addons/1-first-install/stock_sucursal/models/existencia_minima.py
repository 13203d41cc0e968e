from odoo import api, fields, models


class TiendaExistenciaMinima(models.Model):
    _name = "tienda.existencia.minima"
    _description = "Minimum stock"

    branch_id = fields.Many2one("tienda.sucursal", string="Branch", required=True)
    product_id = fields.Many2one("product.product", string="Product", required=True)
    minimum = fields.Float(string="Minimum")
    maximum = fields.Float(string="Maximum")
    on_hand = fields.Float(string="On hand", compute="_compute_on_hand")
    missing = fields.Float(string="Missing", compute="_compute_on_hand")

    _sql_constraints = [
        ("maximum_above_minimum", "CHECK (maximum >= minimum)", "Maximum is below minimum."),
    ]

    @api.depends_context("branch")
    def _compute_on_hand(self):
        for rule in self:
            product = rule.product_id.with_context(warehouse=rule.branch_id.warehouse_id.id)
            rule.on_hand = product.qty_available
            rule.missing = max(rule.maximum - rule.on_hand, 0) if rule.on_hand < rule.minimum else 0
