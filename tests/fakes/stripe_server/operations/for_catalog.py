"""Products and prices."""

from fakes.stripe_server import (
    catalog,
)
from fakes.stripe_server.book import Book
from fakes.stripe_server.listing import PAGING
from fakes.stripe_server.operations.table import Shape, on, paged
from fakes.stripe_server.parameters import METADATA, Choice, Values
from fakes.stripe_server.records import (
    Json,
    Price,
    Product,
)
from fakes.stripe_server.shapes import shown

PRODUCT: Shape = {
    "name": str,
    "description": str,
    "active": bool,
    "unit_label": str,
    "metadata": METADATA,
}
PRICE: Shape = {
    "lookup_key": str,
    "transfer_lookup_key": bool,
    "nickname": str,
    "active": bool,
    "tax_behavior": Choice("exclusive", "inclusive", "unspecified"),
    "metadata": METADATA,
}
RECURRING: Shape = {
    "interval": Choice("day", "week", "month", "year"),
    "interval_count": int,
    "usage_type": Choice("licensed"),
}
NEW_PRICE: Shape = PRICE | {
    "currency": str,
    "unit_amount": int,
    "product": str,
    "product_data": PRODUCT | {"id": str},
    "recurring": RECURRING,
}


@on("POST", "/products", PRODUCT | {"id": str}, "name")
def create_product(book: Book, values: Values, _: str) -> Json:
    return shown(catalog.create_product(book, values))


@on("GET", "/products", PAGING | {"active": bool, "ids": [str]})
def list_products(book: Book, values: Values, _: str) -> Json:
    found = [
        each
        for each in book.of(Product)
        if values.get("active") in (None, each.active)
        and ("ids" not in values or each.id in values["ids"])
    ]
    return paged(found, values, "/products")


@on("GET", "/products/{}")
def retrieve_product(book: Book, _: Values, id: str) -> Json:
    return shown(book.get(Product, id))


@on("POST", "/products/{}", PRODUCT)
def update_product(book: Book, values: Values, id: str) -> Json:
    product = book.get(Product, id)
    catalog.update_product(book, product, values)
    return shown(product)


@on("POST", "/prices", NEW_PRICE, "currency", "recurring")
def create_price(book: Book, values: Values, _: str) -> Json:
    return shown(catalog.create_price(book, values))


PRICE_FILTERS: Shape = {
    "active": bool,
    "product": str,
    "currency": str,
    "lookup_keys": [str],
    "type": Choice("recurring", "one_time"),
    "recurring": RECURRING,
}


@on("GET", "/prices", PAGING | PRICE_FILTERS)
def list_prices(book: Book, values: Values, _: str) -> Json:
    found = [each for each in book.of(Price) if _price_wanted(each, values)]
    return paged(found, values, "/prices")


def _price_wanted(price: Price, values: Values) -> bool:
    interval = values.get("recurring", {}).get("interval")
    return (
        values.get("active") in (None, price.active)
        and values.get("product") in (None, price.product.id)
        and values.get("currency") in (None, price.currency)
        and values.get("type") in (None, "recurring")
        and interval in (None, price.interval)
        and ("lookup_keys" not in values or price.lookup_key in values["lookup_keys"])
    )


@on("GET", "/prices/{}")
def retrieve_price(book: Book, _: Values, id: str) -> Json:
    return shown(book.get(Price, id))


@on("POST", "/prices/{}", PRICE)
def update_price(book: Book, values: Values, id: str) -> Json:
    price = book.get(Price, id)
    catalog.update_price(book, price, values)
    return shown(price)
