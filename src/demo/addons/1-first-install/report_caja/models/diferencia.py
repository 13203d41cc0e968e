from odoo import _, api, fields, models
from odoo.exceptions import UserError


class TiendaReporteDiferencia(models.Model):
    _name = "tienda.reporte.diferencia"
    _description = "Cash difference"

    session_id = fields.Many2one(
        "pos.tienda.sesion",
        string="Session",
        required=True,
        ondelete="cascade",
    )
    amount = fields.Float(string="Amount", required=True)
    direction = fields.Selection(
        [("short", "Short"), ("over", "Over")],
        string="Kind",
        compute="_compute_direction",
        store=True,
    )
    responsible_id = fields.Many2one("res.users", string="Responsible")
    state = fields.Selection(
        [("open", "Open"), ("explained", "Explained")],
        string="Status",
        default="open",
    )
    explanation = fields.Text(string="Explanation")

    @api.depends("amount")
    def _compute_direction(self):
        for difference in self:
            difference.direction = "short" if difference.amount < 0 else "over"

    def action_explain(self):
        for difference in self:
            if not (difference.explanation or "").strip():
                raise UserError(_("A difference of %s needs an explanation.") % difference.amount)
            difference.state = "explained"
