import { describe, expect, it } from "vitest";
import { meaningOf } from "../../src/core/paste";

const ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";

describe("the universal box", () => {
  it.each([
    [ID, ID, undefined],
    [ID.toUpperCase(), ID, undefined],
    [` ${ID}\n`, ID, undefined],
    [`0x${ID}`, ID, undefined],
    [`"${ID}",`, ID, undefined],
    ["4bf92f35-77b3-4da6-a3ce-929d0e0e4736", ID, undefined],
    ["S/kvNXezTaajzpKdDg5HNg==", ID, undefined],
    [`00-${ID}-${SPAN}-01`, ID, SPAN],
    [`traceparent: 00-${ID}-${SPAN}-01`, ID, SPAN],
    [`${ID}-${SPAN}-1`, ID, SPAN],
    [`${ID}:${SPAN}:0:1`, ID, SPAN],
    ["Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Sampled=1", ID, undefined],
    [`http://jaeger.example:16686/trace/${ID}?uiFind=${SPAN}`, ID, SPAN],
    [`https://zipkin.example/zipkin/traces/${ID}`, ID, undefined],
    [`2026-01-31 12:00 ERROR trace_id=${ID} could not pay`, ID, undefined],
    [`{"level":"error","traceId":"${ID}","msg":"could not pay"}`, ID, undefined],
  ])("reads %s", (text, traceId, spanId) => {
    expect(meaningOf(text)).toMatchObject({ kind: "trace", traceId, spanId });
  });

  it("takes queries as queries", () => {
    for (const text of [
      "{ status = error }",
      "duration > 1s",
      "{ } | rate()",
      `{ trace:id = "${ID.slice(0, 8)}" }`,
    ]) {
      expect(meaningOf(text)).toEqual({ kind: "query", text });
    }
  });

  it("knows services in any case", () => {
    expect(meaningOf("Cart-API", ["cart-api"])).toEqual({ kind: "service", name: "cart-api" });
    expect(meaningOf("", ["cart-api"])).toEqual({ kind: "nothing" });
  });
});
