{
    "name": "Loyalty points",
    "summary": "Cards, points and rewards for regular customers",
    "version": "17.0.1.0.0",
    "category": "Sales",
    "author": "Tienda Abierta",
    "license": "LGPL-3",
    "depends": ["pos_tienda"],
    "data": [
        "security/ir.model.access.csv",
        "data/programa.xml",
        "data/secuencias.xml",
        "views/menus.xml",
        "views/programa_views.xml",
        "views/tarjeta_views.xml",
        "views/movimiento_views.xml",
        "views/recompensa_views.xml",
        "wizard/canjear_views.xml",
    ],
    "assets": {
        "web.assets_backend": [
            "loyalty_puntos/static/src/scss/*.scss",
            "loyalty_puntos/static/src/js/*.js",
        ],
    },
    "installable": True,
    "application": False,
}
