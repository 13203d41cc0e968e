from odoo import _, api, fields, models
from odoo.exceptions import ValidationError


class TiendaReporteExportar(models.TransientModel):
    _name = "tienda.reporte.exportar"
    _description = "Export daily report"

    date_from = fields.Date(string="From", required=True)
    date_to = fields.Date(string="To", required=True)
    separator = fields.Selection(
        [("comma", "Comma"), ("semicolon", "Semicolon"), ("tab", "Tab")],
        string="Separator",
        default="semicolon",
    )

    @api.constrains("date_from", "date_to")
    def _check_days(self):
        if any(export.date_from > export.date_to for export in self):
            raise ValidationError(_("The first day is after the last."))

    def action_export(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_url",
            "url": "/report_caja/export/%s/%s?separator=%s" % (self.date_from, self.date_to, self.separator),
        }
