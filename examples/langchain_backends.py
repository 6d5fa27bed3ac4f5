"""LangChain models as our backends, and our search as a LangChain retriever.

python langchain_backends.py FOLDER "QUESTION"

The models are LangChain's own fakes, so that this runs without a key. Put `OpenAIEmbeddings`,
`ChatAnthropic` or any other in their place.
"""

import sys

from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings
from langchain_core.language_models import BaseChatModel, FakeListChatModel

from sloth_agent import Settings, Sloth
from sloth_agent.app.langchain import SlothRetriever


def embeddings() -> Embeddings:
    return DeterministicFakeEmbedding(size=96)


def chat_model() -> BaseChatModel:
    return FakeListChatModel(responses=["The first passage tells it [1]."])


def sources(documents: list[Document]) -> list[str]:
    return [document.metadata["source"] for document in documents]


def main(folder: str, question: str) -> None:
    settings = Settings(
        embedder="langchain",
        chat="langchain",
        plugins={
            "langchain": {
                "embeddings": f"{__name__}:embeddings",
                "chat_model": f"{__name__}:chat_model",
            }
        },
    )
    with Sloth(settings) as sloth:
        assistant = sloth.tenant("langchain", create=True)
        assistant.ingest(folder)
        print("vectors:", assistant.index().space)

        answer = assistant.chat(question)
        print("answer:", answer.text, "—", answer.citations[0].document)

        chain = SlothRetriever(tenant=assistant, limit=3) | sources
        print("retrieved:", ", ".join(chain.invoke(question)))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
