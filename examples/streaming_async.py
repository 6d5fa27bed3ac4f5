"""Several questions at once, in an asynchronous program, each answer printed as it comes.

python streaming_async.py FOLDER "QUESTION" "QUESTION" ...
"""

import sys

import anyio

from sloth_agent import AsyncSloth
from sloth_agent.agent.models import Answer
from sloth_agent.app.sloth import AsyncTenant


async def ask(assistant: AsyncTenant, question: str) -> None:
    async for part in assistant.chat_stream(question):
        if isinstance(part, Answer):
            sources = ", ".join(source.document for source in part.citations) or "no source"
            print(f"[{question}] from: {sources}")
        else:
            print(f"[{question}] {part.text}")


async def main(folder: str, questions: list[str]) -> None:
    async with AsyncSloth() as sloth:
        assistant = await sloth.tenant("streaming", create=True)
        await assistant.ingest(folder)
        async with anyio.create_task_group() as group:
            for question in questions:
                group.start_soon(ask, assistant, question)


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], sys.argv[2:])
