from odoo import api, fields, models


class PosTiendaVenta(models.Model):
    _inherit = "pos.tienda.venta"

    card_id = fields.Many2one("tienda.puntos.tarjeta", string="Loyalty card")

    def action_pay(self):
        result = super().action_pay()
        for sale in self.filtered("card_id"):
            self.env["tienda.puntos.movimiento"].sudo().earn(sale.card_id, sale)
        return result

    @api.onchange("card_id")
    def _onchange_card(self):
        self.partner_id = self.card_id.partner_id
