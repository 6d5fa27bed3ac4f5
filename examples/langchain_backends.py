"""LangChain models as our backends, and our search as a LangChain retriever.

python langchain_backends.py FOLDER "QUESTION"

The models know nothing, so that this runs without a key. Put `OpenAIEmbeddings`, `ChatAnthropic` or
any other of LangChain's in their place.
"""

import sys
from string import ascii_lowercase

try:
    from langchain_core.documents import Document
    from langchain_core.embeddings import Embeddings
    from langchain_core.language_models import BaseChatModel, FakeListChatModel
except ModuleNotFoundError:
    sys.exit('This example needs LangChain: pip install "sloth-agent[langchain]"')

from sloth_agent import Settings, Sloth
from sloth_agent.app.langchain import SlothRetriever


class LetterCounts(Embeddings):
    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return [1.0 + text.lower().count(letter) for letter in ascii_lowercase]


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
                "embeddings": f"{__name__}:LetterCounts",
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
