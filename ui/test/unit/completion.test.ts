import { describe, expect, it } from "vitest";
import { type Completion, closed, fitting, spliced } from "../../src/core/completion";

const status = { insert: "status", label: "status", kind: "key" };
const message = { insert: "statusMessage", label: "statusMessage", kind: "key" };

function completion(text: string, from: number, items = [status, message]): Completion {
  return { text, from, to: text.length, items };
}

describe("what is offered", () => {
  it("narrows while the answer is on its way", () => {
    const answer = completion("{ s", 2);
    expect(fitting(answer, "{ s", 3)).toEqual([status, message]);
    expect(fitting(answer, "{ statusM", 9)).toEqual([message]);
  });

  it("is nothing once something else is written", () => {
    const answer = completion("{ s", 2);
    expect(fitting(answer, "( s", 3)).toEqual([]);
    expect(fitting(answer, "{ status = ", 11)).toEqual([]);
    expect(fitting(answer, "{", 1)).toEqual([]);
  });
});

describe("what is chosen", () => {
  it("takes the place of what was begun, and goes on behind it", () => {
    expect(spliced(completion("{ st", 2), "{ st", 4, status)).toEqual({ text: "{ status ", at: 9 });
  });

  it("puts braces around a condition that has none", () => {
    expect(spliced(completion("st", 0), "st", 2, status)).toEqual({ text: "{ status ", at: 9 });
  });

  it("stays in front of what follows", () => {
    const error = { insert: "error", label: "error", kind: "value" };
    const answer = { ...completion("{ status = er && kind = server }", 11, [error]), to: 13 };
    expect(spliced(answer, "{ status = er && kind = server }", 13, error).text).toBe(
      "{ status = error && kind = server }",
    );
  });
});

describe("a query that is not finished", () => {
  it.each([
    ["{ status = error", "{ status = error }"],
    ["{ status = error }", "{ status = error }"],
    ['{ name = "a } b"', '{ name = "a } b" }'],
    ['{ name = "a', '{ name = "a" }'],
    ["{ status = error } >> { kind = server", "{ status = error } >> { kind = server }"],
    ["checkout", "checkout"],
  ])("%s is closed", (text, whole) => {
    expect(closed(text)).toBe(whole);
  });
});
