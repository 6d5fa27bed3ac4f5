"""What people do with the API, for Locust: each visitor is the owner of a firm of its own."""

import itertools
import random
import uuid
from typing import ClassVar

from locust import HttpUser, constant_throughput, task

PASSWORD = "correct horse battery"
QUESTIONS = (
    "How much is a haircut?",
    "Скільки коштує манікюр?",
    "Ile kosztuje masaż?",
    "Wie lange dauert ein Haarschnitt?",
    "Do you have parking?",
)
PRICES = "service,price,minutes\nHaircut,40 euro,45\nManicure,25 euro,60\nMassage,50 euro,60\n"


class Owner(HttpUser):
    """One request a second."""

    wait_time = constant_throughput(1)  # type: ignore[no-untyped-call]
    numbers: ClassVar = itertools.count()
    visitors: ClassVar = itertools.count()

    def on_start(self) -> None:
        self.email = f"{uuid.uuid4().hex}@example.com"
        number = next(self.visitors)
        self.client.headers["X-Forwarded-For"] = f"10.0.{number // 250}.{number % 250 + 1}"
        body = {"email": self.email, "password": PASSWORD, "organization": "Salon"}
        registered = self.client.post("/api/auth/register/", json=body).json()
        self.client.headers["Authorization"] = f"Bearer {registered['access']}"
        self.upload()

    @task(8)
    def chat(self) -> None:
        self.client.post("/api/agent/chat/", json={"message": random.choice(QUESTIONS)})

    @task(4)
    def history(self) -> None:
        self.client.get("/api/agent/history/")

    @task(4)
    def me(self) -> None:
        self.client.get("/api/auth/me/")

    @task(2)
    def documents(self) -> None:
        self.client.get("/api/documents/")

    @task(1)
    def upload(self) -> None:
        content = f"{PRICES}Note,{next(self.numbers)},1\n"
        name = f"prices-{random.randrange(5)}.csv"
        self.client.post("/api/documents/upload/", files={"file": (name, content)})

    @task(1)
    def login(self) -> None:
        body = {"email": self.email, "password": PASSWORD}
        tokens = self.client.post("/api/auth/login/", json=body).json()
        self.client.headers["Authorization"] = f"Bearer {tokens['access']}"
