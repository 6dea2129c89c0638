"""FastAPI: a model in, a model out, a dependency, an error."""

from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

app = FastAPI()


class Item(BaseModel):
    name: str
    price: float
    tags: list[str] = []


def page(skip: int = 0, limit: int = 10) -> tuple[int, int]:
    return skip, limit


@app.get("/items/{item_id}")
async def read(item_id: int, page: Annotated[tuple[int, int], Depends(page)]) -> dict[str, int]:
    if item_id == 404:
        raise HTTPException(404, "no such item")
    return {"item_id": item_id, "skip": page[0], "limit": page[1]}


@app.post("/items")
async def create(item: Item) -> Item:
    return item


@app.get("/threaded")
def threaded() -> dict[str, str]:
    """A plain function: FastAPI runs it in a thread."""
    return {"hello": "thread"}


@app.get("/numbers")
async def numbers() -> StreamingResponse:
    return StreamingResponse((f"{number}," for number in range(1000)), media_type="text/plain")
