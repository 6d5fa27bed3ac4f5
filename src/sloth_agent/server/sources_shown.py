"""Where answers come from, as the API shows it."""

from pydantic import Field

from sloth_agent.server.shapes import Id, Shown


class PlaceShown(Shown):
    """Where something stands, as far as its kind of file has such places."""

    document: str = Field(examples=["price-list.xlsx"])
    page: int | None = Field(examples=[None])
    section: str | None = Field(description="Its heading.", examples=["Prices"])
    sheet: str | None = Field(examples=["2026"])
    row: int | None = Field(examples=[12])
    score: float = Field(
        description="Higher is better; compares within one answer.", examples=[0.82]
    )


class CitationShown(PlaceShown):
    chunk_id: Id
    snippet: str = Field(
        description="Stands word for word in the document.", examples=["Haircut: 40 euro"]
    )


class PassageShown(PlaceShown):
    text: str = Field(examples=["Haircut: 40 euro\nManicure: 25 euro"])
    document_id: Id
    chunk_id: Id


class TokensUsed(Shown):
    input_tokens: int = Field(examples=[812])
    output_tokens: int = Field(examples=[24])
