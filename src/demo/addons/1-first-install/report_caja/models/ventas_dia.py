from odoo import fields, models, tools


class TiendaReporteVentas(models.Model):
    _name = "tienda.reporte.ventas"
    _description = "Daily sales"
    _order = "day desc"
    _auto = False

    day = fields.Date(string="Day", readonly=True)
    register_id = fields.Many2one(
        "pos.tienda.caja",
        string="Cash register",
        readonly=True,
    )
    tickets = fields.Integer(string="Tickets", readonly=True)
    total = fields.Float(string="Total", readonly=True)
    average = fields.Float(string="Average ticket", readonly=True)

    def init(self):
        tools.drop_view_if_exists(self.env.cr, self._table)
        self.env.cr.execute(
            """
            CREATE VIEW tienda_reporte_ventas AS
            SELECT min(v.id) AS id,
                   v.date::date AS day,
                   s.register_id,
                   count(*) AS tickets,
                   sum(v.total) AS total,
                   avg(v.total) AS average
              FROM pos_tienda_venta v
              JOIN pos_tienda_sesion s ON s.id = v.session_id
             WHERE v.state = 'paid'
             GROUP BY v.date::date, s.register_id
            """
        )
