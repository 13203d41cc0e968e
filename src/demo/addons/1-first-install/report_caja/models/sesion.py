from odoo import fields, models


class PosTiendaSesion(models.Model):
    _inherit = "pos.tienda.sesion"

    difference_ids = fields.One2many(
        "tienda.reporte.diferencia",
        "session_id",
        string="Difference",
    )

    def action_close(self):
        result = super().action_close()
        for session in self:
            amount = session.counted_cash - session.expected_cash
            if abs(amount) >= 0.01:
                self.env["tienda.reporte.diferencia"].create(
                    {"session_id": session.id, "amount": amount, "responsible_id": session.user_id.id}
                )
        return result
