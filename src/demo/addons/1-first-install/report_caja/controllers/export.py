import csv
import io

from odoo import http
from odoo.http import request

SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t"}
COLUMNS = ("day", "register_id", "tickets", "total", "average")


class Export(http.Controller):
    @http.route("/report_caja/export/<string:first>/<string:last>", type="http", auth="user")
    def export(self, first, last, separator="semicolon"):
        """The daily sales between two days as a CSV file that spreadsheets open by themselves."""
        rows = request.env["tienda.reporte.ventas"].search_read(
            [("day", ">=", first), ("day", "<=", last)], COLUMNS, order="day"
        )
        text = io.StringIO()
        writer = csv.writer(text, delimiter=SEPARATORS.get(separator, ";"))
        writer.writerow(COLUMNS)
        for row in rows:
            writer.writerow([row[c][1] if c == "register_id" else row[c] for c in COLUMNS])
        headers = [
            ("Content-Type", "text/csv; charset=utf-8"),
            ("Content-Disposition", "attachment; filename=ventas-%s-%s.csv" % (first, last)),
        ]
        return request.make_response("\ufeff" + text.getvalue(), headers)
