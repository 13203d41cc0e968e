from odoo import _, api, fields, models
from odoo.exceptions import UserError, ValidationError


class TiendaTraslado(models.Model):
    _name = "tienda.traslado"
    _description = "Transfer between branches"
    _order = "id desc"
    _inherit = ["mail.thread", "mail.activity.mixin"]

    name = fields.Char(string="Reference", readonly=True, copy=False, default="/")
    origin_id = fields.Many2one("tienda.sucursal", string="Origin", required=True)
    destination_id = fields.Many2one(
        "tienda.sucursal",
        string="Destination",
        required=True,
    )
    sent_on = fields.Datetime(string="Sent on", readonly=True, copy=False)
    received_on = fields.Datetime(string="Received on", readonly=True, copy=False)
    state = fields.Selection(
        [("draft", "Draft"), ("sent", "On the way"), ("done", "Received")],
        string="Status",
        default="draft",
        tracking=True,
    )
    line_ids = fields.One2many(
        "tienda.traslado.linea",
        "transfer_id",
        string="Lines",
        copy=True,
    )
    notes = fields.Text(string="Notes")

    @api.constrains("origin_id", "destination_id")
    def _check_places(self):
        for transfer in self:
            if transfer.origin_id == transfer.destination_id:
                raise ValidationError(_("Origin and destination must differ."))

    def action_send(self):
        for transfer in self:
            if not transfer.line_ids:
                raise UserError(_("A transfer needs at least one line."))
            if transfer.name == "/":
                transfer.name = self.env["ir.sequence"].next_by_code("tienda.traslado")
            transfer.write({"state": "sent", "sent_on": fields.Datetime.now()})

    def action_receive(self):
        for transfer in self:
            for line in transfer.line_ids.filtered(lambda l: not l.received_quantity):
                line.received_quantity = line.quantity
            transfer.write({"state": "done", "received_on": fields.Datetime.now()})

    @api.model
    def _cron_remind(self):
        """Reminds the destination of transfers that are on the way for more than three days."""
        limit = fields.Datetime.subtract(fields.Datetime.now(), days=3)
        for transfer in self.search([("state", "=", "sent"), ("sent_on", "<", limit)]):
            transfer.activity_schedule(
                "mail.mail_activity_data_todo",
                user_id=transfer.destination_id.manager_id.id or self.env.uid,
            )
