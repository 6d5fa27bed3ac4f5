"""Ask an assistant on a server: python over_http.py URL FOLDER "QUESTION".

Its API key is in the environment, as ASSISTANT_KEY.
"""

import os
import sys

from sloth_agent import Sloth

url, folder, question = sys.argv[1:]
with Sloth(base_url=url, api_key=os.environ["ASSISTANT_KEY"]) as sloth:
    assistant = sloth.tenant()
    for file in assistant.ingest(folder).files:
        print(file.path, file.status, file.problem.message if file.problem else "")
    answer = assistant.chat(question)
    print(answer.text)
    for source in answer.citations:
        print("  —", source.document, source.page or source.section or "")
