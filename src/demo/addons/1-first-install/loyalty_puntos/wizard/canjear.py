from odoo import api, fields, models


class TiendaPuntosCanjear(models.TransientModel):
    _name = "tienda.puntos.canjear"
    _description = "Redeem points"

    card_id = fields.Many2one(
        "tienda.puntos.tarjeta",
        string="Loyalty card",
        required=True,
    )
    reward_id = fields.Many2one(
        "tienda.puntos.recompensa",
        string="Reward",
        required=True,
    )

    @api.onchange("card_id")
    def _onchange_card(self):
        self.reward_id = self.env["tienda.puntos.recompensa"].affordable(self.card_id)[:1]

    def action_redeem(self):
        self.ensure_one()
        self.card_id.redeem(self.reward_id)
        return {"type": "ir.actions.act_window_close"}
