from odoo import _, api, fields, models
from odoo.exceptions import UserError


class PosTiendaVenta(models.Model):
    _name = "pos.tienda.venta"
    _description = "Sale"
    _order = "id desc"

    name = fields.Char(string="Ticket", readonly=True, default="/", index=True)
    session_id = fields.Many2one(
        "pos.tienda.sesion",
        string="Session",
        required=True,
        ondelete="restrict",
    )
    partner_id = fields.Many2one("res.partner", string="Customer")
    date = fields.Datetime(string="Date", default=fields.Datetime.now)
    currency_id = fields.Many2one(
        "res.currency",
        string="Currency",
        default=lambda self: self.env.company.currency_id,
    )
    total = fields.Monetary(string="Total", compute="_compute_total", store=True)
    state = fields.Selection(
        [("draft", "Draft"), ("paid", "Paid"), ("cancelled", "Cancelled")],
        string="Status",
        default="draft",
    )
    line_ids = fields.One2many(
        "pos.tienda.venta.linea",
        "sale_id",
        string="Lines",
        copy=True,
    )

    _sql_constraints = [
        ("name_once", "UNIQUE (name, session_id)", "A ticket number is used once only."),
    ]

    @api.depends("line_ids.subtotal")
    def _compute_total(self):
        for sale in self:
            sale.total = sum(sale.line_ids.mapped("subtotal"))

    def write(self, values):
        locked = self.filtered(lambda s: s.state == "paid")
        if locked and not set(values) <= {"partner_id", "state"}:
            raise UserError(_("A paid sale cannot be changed."))
        return super().write(values)

    def action_pay(self):
        for sale in self:
            if not sale.line_ids:
                raise UserError(_("A sale needs at least one line."))
            sale._take_number()
            sale.state = "paid"

    def _take_number(self):
        register = self.session_id.register_id
        number = self.env["ir.sequence"].next_by_code("pos.tienda.venta")
        self.name = "%s-%s" % (register.prefix, number)

    def action_cancel(self):
        self.write({"state": "cancelled"})
