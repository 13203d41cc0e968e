{
    "name": "Cash reports",
    "summary": "What was sold each day, and which differences nobody has explained",
    "version": "17.0.1.0.0",
    "category": "Sales",
    "author": "Tienda Abierta",
    "license": "LGPL-3",
    "depends": ["pos_tienda"],
    "data": [
        "security/ir.model.access.csv",
        "views/menus.xml",
        "views/ventas_dia_views.xml",
        "views/diferencia_views.xml",
        "wizard/exportar_views.xml",
        "report/informe_diario.xml",
    ],
    "assets": {
        "web.assets_backend": [
            "report_caja/static/src/scss/*.scss",
            "report_caja/static/src/js/*.js",
            "report_caja/static/src/xml/*.xml",
        ],
    },
    "installable": True,
    "application": False,
}
