from odoo import api, fields, models


class PosTiendaCierre(models.TransientModel):
    _name = "pos.tienda.cierre"
    _description = "Close the till"

    session_id = fields.Many2one("pos.tienda.sesion", string="Session", required=True)
    counted_cash = fields.Float(string="Counted cash", required=True)
    difference = fields.Float(string="Difference", compute="_compute_difference")
    reason = fields.Char(string="Reason of the difference")

    @api.depends("counted_cash", "session_id.expected_cash")
    def _compute_difference(self):
        for closing in self:
            closing.difference = closing.counted_cash - closing.session_id.expected_cash

    def action_close(self):
        self.ensure_one()
        self.session_id.counted_cash = self.counted_cash
        self.session_id.action_close()
        return {"type": "ir.actions.act_window_close"}
