from odoo import _, api, fields, models
from odoo.exceptions import ValidationError


class PosTiendaVentaLinea(models.Model):
    _name = "pos.tienda.venta.linea"
    _description = "Sale line"

    sale_id = fields.Many2one(
        "pos.tienda.venta",
        string="Sale",
        required=True,
        ondelete="cascade",
    )
    product_id = fields.Many2one("product.product", string="Product", required=True)
    quantity = fields.Float(string="Quantity", default=1.0)
    price = fields.Float(string="Unit price")
    discount = fields.Float(string="Discount (%)")
    tax_id = fields.Many2one("tienda.impuesto", string="Tax")
    subtotal = fields.Float(string="Subtotal", compute="_compute_subtotal", store=True)

    @api.depends("quantity", "price", "discount")
    def _compute_subtotal(self):
        for line in self:
            line.subtotal = round(line.quantity * line.price * (1 - line.discount / 100), 2)

    @api.onchange("product_id")
    def _onchange_product(self):
        self.price = self.product_id.lst_price

    @api.constrains("discount")
    def _check_discount(self):
        if any(not 0 <= line.discount <= 100 for line in self):
            raise ValidationError(_("The discount must be between 0 and 100."))
