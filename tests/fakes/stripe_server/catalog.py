"""Products and their prices."""

from fakes.stripe_server.book import Book, merged
from fakes.stripe_server.parameters import Values
from fakes.stripe_server.records import Price, Product
from fakes.stripe_server.refusals import Refused, invalid, missing


def create_product(book: Book, values: Values) -> Product:
    id = values.get("id") or book.new_id("prod")
    if book.find(id):
        raise Refused(f"Product already exists: {id}", code="resource_already_exists", param="id")
    return book.created(
        Product(
            id=id,
            created=book.now,
            updated=book.now,
            name=values["name"],
            description=values.get("description"),
            active=values.get("active", True),
            unit_label=values.get("unit_label"),
            metadata=values.get("metadata") or {},
        )
    )


def update_product(book: Book, product: Product, values: Values) -> None:
    with book.changing(product):
        for name in ("name", "description", "active", "unit_label"):
            if name in values:
                setattr(product, name, values[name])
        if "metadata" in values:
            product.metadata = merged(product.metadata, values["metadata"])
        product.updated = book.now


def create_price(book: Book, values: Values) -> Price:
    if values.get("unit_amount") is None:
        raise missing("unit_amount")
    if values["unit_amount"] < 0:
        raise invalid("unit_amount", "it must be at least 0.")
    key = _free_key(book, values, holder=None)
    recurring = values["recurring"]
    return book.created(
        Price(
            id=book.new_id("price", 24),
            created=book.now,
            product=_product_for(book, values),
            currency=values["currency"].lower(),
            unit_amount=values["unit_amount"],
            interval=recurring["interval"],
            interval_count=recurring.get("interval_count", 1),
            lookup_key=key,
            nickname=values.get("nickname"),
            active=values.get("active", True),
            tax_behavior=values.get("tax_behavior", "unspecified"),
            metadata=values.get("metadata") or {},
        )
    )


def _product_for(book: Book, values: Values) -> Product:
    if "product_data" in values:
        return create_product(book, values["product_data"])
    if "product" not in values:
        raise missing("product")
    return book.get(Product, values["product"], param="product")


def update_price(book: Book, price: Price, values: Values) -> None:
    key = _free_key(book, values, holder=price)
    with book.changing(price):
        if "lookup_key" in values:
            price.lookup_key = key
        for name in ("active", "nickname", "tax_behavior"):
            if name in values:
                setattr(price, name, values[name])
        if "metadata" in values:
            price.metadata = merged(price.metadata, values["metadata"])


def _free_key(book: Book, values: Values, *, holder: Price | None) -> str | None:
    """A lookup key stands at one price; only who says so may take it from another."""
    key: str | None = values.get("lookup_key")
    if key is None:
        return None
    for price in book.of(Price):
        if price.lookup_key == key and price is not holder:
            if not values.get("transfer_lookup_key"):
                message = f"A price (`{price.id}`) already uses that lookup key."
                raise Refused(message, param="lookup_key")
            with book.changing(price):
                price.lookup_key = None
    return key
