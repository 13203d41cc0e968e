{
    "name": "Labels",
    "summary": "Shelf and product labels on thermal printers",
    "version": "17.0.1.0.0",
    "category": "Inventory",
    "author": "Tienda Abierta",
    "license": "LGPL-3",
    "depends": ["product", "l10n_tienda"],
    "data": [
        "security/ir.model.access.csv",
        "data/formatos/gondola_50x30.xml",
        "data/formatos/producto_40x20.xml",
        "data/formatos/oferta_100x60.xml",
        "views/menus.xml",
        "views/formato_views.xml",
        "views/cola_views.xml",
        "wizard/imprimir_views.xml",
    ],
    "assets": {
        "web.assets_backend": [
            "product_etiquetas/static/src/scss/*.scss",
            "product_etiquetas/static/src/js/*.js",
            "product_etiquetas/static/src/xml/*.xml",
        ],
    },
    "installable": True,
    "application": False,
}
