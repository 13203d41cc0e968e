from odoo import _, api, fields, models
from odoo.exceptions import UserError


class PosTiendaCaja(models.Model):
    _name = "pos.tienda.caja"
    _description = "Cash register"

    name = fields.Char(string="Name", required=True)
    prefix = fields.Char(string="Ticket prefix", required=True, size=6)
    session_ids = fields.One2many("pos.tienda.sesion", "register_id", string="Sessions")
    current_session_id = fields.Many2one(
        "pos.tienda.sesion",
        string="Current session",
        compute="_compute_current",
    )
    opens_drawer = fields.Boolean(string="Opens the cash drawer", default=True)
    active = fields.Boolean(string="Active", default=True)

    @api.depends("session_ids.state")
    def _compute_current(self):
        for register in self:
            register.current_session_id = register.session_ids.filtered(lambda s: s.state == "open")[:1]

    def action_open_session(self):
        self.ensure_one()
        if self.current_session_id:
            raise UserError(_("This register already has an open session."))
        return self.env["pos.tienda.sesion"].create({"register_id": self.id})

    def require_session(self):
        self.ensure_one()
        if not self.current_session_id:
            raise UserError(_("Register %s has no open session.") % self.name)
        return self.current_session_id
