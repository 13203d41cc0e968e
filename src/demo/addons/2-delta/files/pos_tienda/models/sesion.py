from odoo import _, api, fields, models
from odoo.exceptions import UserError


class PosTiendaSesion(models.Model):
    _name = "pos.tienda.sesion"
    _description = "Cash session"
    _order = "id desc"

    name = fields.Char(string="Reference", readonly=True, default="/")
    register_id = fields.Many2one(
        "pos.tienda.caja",
        string="Cash register",
        required=True,
        ondelete="restrict",
    )
    user_id = fields.Many2one(
        "res.users",
        string="User",
        default=lambda self: self.env.user,
    )
    opened_on = fields.Datetime(string="Opened on", default=fields.Datetime.now)
    closed_on = fields.Datetime(string="Closed on", readonly=True)
    opening_cash = fields.Float(string="Opening cash")
    counted_cash = fields.Float(string="Counted cash")
    expected_cash = fields.Float(string="Expected cash", compute="_compute_expected")
    sale_ids = fields.One2many("pos.tienda.venta", "session_id", string="Sales")
    state = fields.Selection(
        [("open", "Open"), ("closing", "Closing"), ("closed", "Closed")],
        string="Status",
        default="open",
    )

    @api.depends("opening_cash", "sale_ids.state", "sale_ids.total")
    def _compute_expected(self):
        for session in self:
            session.expected_cash = session.opening_cash + sum(session._cash_sales())

    def _cash_sales(self):
        paid = self.sale_ids.filtered(lambda s: s.state == "paid")
        return paid.payment_ids.filtered(lambda p: p.method == "cash").mapped("amount")

    def action_close(self):
        for session in self:
            if session.sale_ids.filtered(lambda s: s.state == "draft"):
                raise UserError(_("There are sales that nobody has paid."))
            session.write({"state": "closed", "closed_on": fields.Datetime.now()})
