{
    "name": "Shop theme",
    "summary": "Colours, icons and large touch targets for the till",
    "version": "17.0.1.0.0",
    "category": "Hidden",
    "author": "Tienda Abierta",
    "license": "LGPL-3",
    "depends": ["web"],
    "data": [
        "security/ir.model.access.csv",
        "data/apariencia.xml",
        "views/menus.xml",
        "views/apariencia_views.xml",
        "views/login.xml",
    ],
    "assets": {
        "web.assets_backend": [
            "web_tema_tienda/static/src/scss/*.scss",
            "web_tema_tienda/static/src/js/*.js",
            "web_tema_tienda/static/src/xml/*.xml",
        ],
        "web.assets_frontend": [
            "web_tema_tienda/static/src/scss/_colores.scss",
            "web_tema_tienda/static/src/scss/botones.scss",
        ],
    },
    "installable": True,
    "application": False,
}
