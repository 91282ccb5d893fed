"""The second service of the chain: answers /cart after it has asked the next service."""

import os

import requests
from flask import Flask

app = Flask(__name__)


@app.get("/cart/<item>")
def cart(item):
    answer = requests.get(f"{os.environ['NEXT_URL']}/stock/{item}", timeout=5)
    return f"cart > {answer.text}", answer.status_code


@app.get("/fail")
def fail():
    raise ValueError("the cart is empty")


@app.get("/healthz")
def healthz():
    return "ok"
