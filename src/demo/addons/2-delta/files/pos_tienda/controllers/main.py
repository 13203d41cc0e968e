from odoo import http
from odoo.http import request


class PosTienda(http.Controller):
    @http.route("/pos_tienda/ui", type="http", auth="user")
    def ui(self, **_params):
        """The till in a page of its own, for the browser in kiosk mode."""
        return request.render("pos_tienda.kiosk")

    @http.route("/pos_tienda/sale", type="json", auth="user")
    def sale(self, register_id, lines, payments):
        """Records a sale that the screen rang up. Returns its ticket number."""
        register = request.env["pos.tienda.caja"].browse(register_id)
        session = register.require_session()
        sale = request.env["pos.tienda.venta"].create(
            {
                "session_id": session.id,
                "line_ids": [(0, 0, line) for line in lines],
                "payment_ids": [(0, 0, payment) for payment in payments],
            }
        )
        sale.action_pay()
        return sale.name
