"""The prices that hold: those of the operator's own file, or those that are shipped."""

from sloth_agent.billing.price_file import read_prices, shipped_prices
from sloth_agent.billing.prices import PriceTable
from sloth_agent.errors import ConfigurationError
from sloth_agent.settings import Settings


def price_text(settings: Settings) -> str:
    """The file as it stands there.

    Raises:
        ConfigurationError: it cannot be read.
    """
    if settings.prices is None:
        return shipped_prices()
    try:
        return settings.prices.read_text("utf-8-sig")
    except FileNotFoundError as error:
        raise _unreadable(f"There is no file {settings.prices}.") from error
    except IsADirectoryError as error:
        raise _unreadable(f"{settings.prices} is a folder, not a file of prices.") from error
    except (OSError, ValueError) as error:
        raise _unreadable(
            f"The prices in {settings.prices} cannot be read as UTF-8 text."
        ) from error


def _unreadable(message: str) -> ConfigurationError:
    return ConfigurationError(message, hint="Correct SLOTH_PRICES, or leave it out.")


def price_table(settings: Settings) -> PriceTable:
    """Raises:
    ConfigurationError: the file cannot be read, or one thing in it is wrong.
    """
    return read_prices(price_text(settings))
