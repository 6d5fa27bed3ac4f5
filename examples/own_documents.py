"""Ask your own documents: python own_documents.py FOLDER "QUESTION"."""

import sys

from sloth_agent import Sloth

with Sloth() as sloth:
    assistant = sloth.tenant("own-documents", create=True)
    for file in assistant.ingest(sys.argv[1]).files:
        print(file.path, file.status, file.problem.message if file.problem else "")
    answer = assistant.chat(sys.argv[2])
    print(answer.text)
    for source in answer.citations:
        print("  —", source.document, source.page or source.section or "")
