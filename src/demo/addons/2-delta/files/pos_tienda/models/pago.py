from odoo import api, fields, models


class PosTiendaPago(models.Model):
    _name = "pos.tienda.pago"
    _description = "Payment"

    sale_id = fields.Many2one(
        "pos.tienda.venta",
        string="Sale",
        required=True,
        ondelete="cascade",
    )
    method = fields.Selection(
        [("cash", "Cash"), ("card", "Card"), ("transfer", "Bank transfer"), ("pix", "Pix"), ("wallet", "Wallet")],
        string="Payment method",
        default="cash",
        required=True,
    )
    amount = fields.Float(string="Amount", required=True)
    authorization = fields.Char(string="Authorization")

    @api.model
    def totals_by_method(self, session):
        """{method: amount} of the paid sales of a session."""
        domain = [("sale_id.session_id", "=", session.id), ("sale_id.state", "=", "paid")]
        groups = self.read_group(domain, ["amount"], ["method"])
        return {group["method"]: group["amount"] for group in groups}
