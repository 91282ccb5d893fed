import { describe, expect, it } from "vitest";
import type { RefusalGroup } from "../../src/core/server";
import type { Status, Summary } from "../../src/core/types";
import { mistakesOf } from "../../src/pages/welcome/mistakes";

const NOW = 1_800_000_000_000;
const nanos = (ms: number) => `${ms}000000`;

function group(part: Partial<RefusalGroup>): RefusalGroup {
  return {
    place: "receiver:otlp",
    outcome: "rejected",
    reason: "no_span_id",
    text: "without a valid span id",
    service: "",
    spans: 1,
    requests: 0,
    first_seen: nanos(NOW),
    last_seen: nanos(NOW),
    examples: [],
    ...part,
  };
}

function summary(start: number, service: string): Summary {
  const services = [{ name: service, spans: 1, errors: 0 }];
  return { start: nanos(start), services } as Summary;
}

function said(...args: Parameters<typeof mistakesOf>): string[] {
  return mistakesOf(...args).map((mistake) => mistake.said);
}

describe("what goes wrong now", () => {
  it("is what was not taken of late", () => {
    const old = group({ text: "long ago", last_seen: nanos(NOW - 3_600_000) });
    expect(said(undefined, [group({}), old], undefined, NOW)).toEqual([
      "1 span rejected: without a valid span id",
    ]);
  });

  it("is a sender without a name, and a clock that is ahead", () => {
    expect(said(undefined, [], summary(NOW, "unknown_service:node"), NOW)).toHaveLength(1);
    expect(said(undefined, [], summary(NOW + 600_000, "cart"), NOW)[0]).toContain("10 min in the future");
    expect(said(undefined, [], summary(NOW, "cart"), NOW)).toEqual([]);
  });

  it("is what the log says, with what usually causes it", () => {
    const errors = [{ at: nanos(NOW), message: "http2 error: invalid preface" }];
    const [mistake] = mistakesOf({ errors } as Status, [], undefined, NOW);
    expect(mistake.remedy).toContain("4318 for HTTP");
  });
});
