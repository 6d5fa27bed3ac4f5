"""What tenants cost, in the databases where they live."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import LiteralString

from sloth_agent.adapters.stores.postgres.database import Row, Statement, TenantDatabase
from sloth_agent.adapters.stores.postgres.databases import Databases
from sloth_agent.billing.costs import Bill, Spent
from sloth_agent.billing.margin import CostsRead, Home
from sloth_agent.billing.prices import CostKind
from sloth_agent.errors import ConfigurationError, DatabaseUnavailable

_SUMS = ("calls", "input_tokens", "output_tokens", "estimated_tokens", "unpriced_calls", "cost")
_COLUMNS: LiteralString = f"currency, kind, model, {', '.join(_SUMS)}"
_ADDING: LiteralString = f"insert into public.costs as kept (schema_name, month, {_COLUMNS})"
_ROW: LiteralString = "(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
_TOGETHER: LiteralString = (
    " on conflict (schema_name, month, currency, kind, model) do update set "
    + ", ".join(f"{name} = kept.{name} + excluded.{name}" for name in _SUMS)
)

_log = logging.getLogger(__name__)


def charging(schema: str, bill: Bill) -> Statement:
    """Add a bill to the month's costs. Who counts other things too takes these last.

    Its rows are in one order everywhere: unsorted upserts deadlock.
    """
    if not bill.spent:
        return "", ()
    rows = ", ".join([_ROW] * len(bill.spent))
    return (
        f"{_ADDING} values {rows}{_TOGETHER}",
        tuple(
            value
            for spent in bill.spent
            for value in (schema, bill.month, bill.currency, *_values(spent))
        ),
    )


@dataclass(frozen=True, slots=True)
class PostgresCosts:
    """`CostStore` on the working tables."""

    database: TenantDatabase
    schema: str

    async def add(self, bill: Bill) -> None:
        if bill.spent:
            await self.database.at_once(self.schema, *charging(self.schema, bill))

    async def of(self, month: date) -> Sequence[Bill]:
        [rows] = await self.database.at_once(
            self.schema,
            f"select {_COLUMNS} from public.costs where schema_name = %s and month = %s"
            " order by currency, kind, model",
            (self.schema, month),
        )
        return _bills(month, rows)


@dataclass(frozen=True, slots=True)
class PostgresCostsOfAll:
    """`CostsOfAll`, one database after the other."""

    databases: Databases

    async def of(self, month: date) -> CostsRead:
        bills: dict[Home, Sequence[Bill]] = {}
        read = []
        for name in self.databases.names:
            try:
                bills |= await self._of_database(name, month)
            except (ConfigurationError, DatabaseUnavailable) as error:
                _log.warning("The costs in %s cannot be read: %s", name, error.message)
            else:
                read.append(name)
        return CostsRead(bills=bills, databases=read)

    async def _of_database(self, name: str, month: date) -> dict[Home, Sequence[Bill]]:
        database = await self.databases.get(name)
        async with database.shared() as connection:
            rows = await connection.execute(
                f"select schema_name, {_COLUMNS} from public.costs where month = %s"
                " order by schema_name, currency, kind, model",
                (month,),
            )
            return {
                Home(database=name, schema_name=schema): _bills(month, [row[1:] for row in same])
                for schema, same in groupby(await rows.fetchall(), key=itemgetter(0))
            }


def _bills(month: date, rows: Sequence[Row]) -> list[Bill]:
    """Of rows in the order of currencies."""
    return [
        Bill(month=month, currency=currency, spent=tuple(_spent(row) for row in same))
        for currency, same in groupby(rows, key=itemgetter(0))
    ]


def _values(spent: Spent) -> tuple[object, ...]:
    return spent.kind, spent.model, *(getattr(spent, name) for name in _SUMS)


def _spent(row: Row) -> Spent:
    _currency, kind, model, *sums = row
    return Spent(kind=CostKind(kind), model=model, **dict(zip(_SUMS, sums, strict=True)))
