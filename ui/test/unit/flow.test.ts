import { describe, expect, it } from "vitest";
import { type Component, flowOf, lossesOf, type Pipeline, pictureOf } from "../../src/core/flow";

function component(key: string, figures: Component["figures"] = []): Component {
  const kind = key.split(":")[0];
  return { key, id: key.slice(key.lastIndexOf(":") + 1), kind, signal: "traces", figures, reasons: [] };
}

function pipeline(keys: string[], edges: [string, string, string][]): Pipeline {
  return {
    components: keys.map((key) => component(key)),
    edges: edges.map(([from, to, name]) => ({ from, to, pipeline: name })),
    ledger: { received: 0, accepted: 0, refused: 0, rejected: 0, reasons: [] },
  };
}

function places(of: Pipeline): Record<string, [number, number]> {
  return Object.fromEntries(
    pictureOf(of).boxes.map(({ component, column, row }) => [component.key, [column, row]]),
  );
}

describe("the picture of pipelines", () => {
  it("goes from left to right in the order of the flow, not of the names", () => {
    const of = pipeline(
      ["receiver:otlp", "processor:traces:batch", "processor:traces:memory_limiter", "exporter:store"],
      [
        ["receiver:otlp", "processor:traces:memory_limiter", "traces"],
        ["processor:traces:memory_limiter", "processor:traces:batch", "traces"],
        ["processor:traces:batch", "exporter:store", "traces"],
      ],
    );
    expect(places(of)).toEqual({
      "receiver:otlp": [0, 0],
      "processor:traces:memory_limiter": [1, 0],
      "processor:traces:batch": [2, 0],
      "exporter:store": [3, 0],
    });
  });

  it("gives each pipeline a lane, and stands shared components once", () => {
    const of = pipeline(
      ["receiver:otlp", "processor:a:batch", "exporter:store", "exporter:debug", "exporter:away"],
      [
        ["receiver:otlp", "exporter:store", "traces"],
        ["receiver:otlp", "processor:a:batch", "a"],
        ["processor:a:batch", "exporter:debug", "a"],
        ["processor:a:batch", "exporter:away", "a"],
      ],
    );
    const placed = places(of);
    expect(placed["receiver:otlp"]).toEqual([0, 0]);
    expect(placed["exporter:store"]).toEqual([2, 0]);
    expect(placed["exporter:debug"]).toEqual([2, 1]);
    expect(placed["exporter:away"]).toEqual([2, 2]);
    expect(placed["processor:a:batch"]).toEqual([1, 1.5]);
  });

  it("ends on a flow that goes round", () => {
    const of = pipeline(
      ["receiver:a", "connector:b", "connector:c"],
      [
        ["receiver:a", "connector:b", "x"],
        ["connector:b", "connector:c", "x"],
        ["connector:c", "connector:b", "x"],
      ],
    );
    expect(pictureOf(of).boxes).toHaveLength(3);
  });
});

describe("what a component tells", () => {
  it("is the spans that went on, and what did not", () => {
    const exporter = component("exporter:away", [
      { name: "queue_size", value: 7, unit: "" },
      { name: "send_failed_spans", value: 12, unit: "spans" },
      { name: "sent_spans", value: 40, per_second: 2, unit: "spans" },
    ]);
    expect(flowOf(exporter)?.value).toBe(40);
    expect(lossesOf(exporter)).toEqual([{ what: "failed to send", count: 12 }]);
  });
});
