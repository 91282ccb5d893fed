// The entry of the chain: answers /order after it has asked the next service.
const express = require("express");

const next = process.env.NEXT_URL;
const app = express();

app.get("/order/:id", async (request, response) => {
  const answer = await fetch(`${next}/cart/${request.params.id}`);
  response.status(answer.status).send(`front > ${await answer.text()}`);
});

app.get("/healthz", (_request, response) => response.send("ok"));

app.listen(Number(process.env.PORT), "127.0.0.1");
