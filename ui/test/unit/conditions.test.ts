import { describe, expect, it } from "vitest";
import { conditionsOf, isWholeTraceQl, narrowed, textOf, widened, written } from "../../src/core/conditions";
import { translated } from "../../src/core/old-links";

describe("conditions and text are one query", () => {
  it.each([
    '{ resource.service.name = "cart" }',
    "{ status = error && duration > 1.5s && span.http.response.status_code >= 500 }",
    '{ .user.id = "12345" && span.retries = 3 && .flag = "true" }',
    '{ name = "say \\"hi\\" \\\\ there" && .user.id =~ "u-.*" }',
  ])("%s comes back the same", (text) => {
    expect(textOf(conditionsOf(text) ?? [])).toBe(text);
  });

  it("leaves alone what is more than conditions", () => {
    for (const text of ["{ a = 1 || b = 2 }", "{ } >> { status = error }", "{ } | rate()", "{ (a = 1) }"]) {
      expect(conditionsOf(text)).toBeUndefined();
    }
  });

  it("gets braces where it has none", () => {
    expect(written('.user.id = "12345" && status = error')).toBe('{ .user.id = "12345" && status = error }');
    expect(written("service=cart error=true")).toBe("service=cart error=true");
    expect(written("{ } | rate()")).toBe("{ } | rate()");
    expect(written("SELECT 1")).toBe("SELECT 1");
  });

  it("narrows and widens", () => {
    const condition = { key: "status", op: "=", value: "error" };
    expect(narrowed("", condition)).toBe("{ status = error }");
    expect(narrowed("{ status = error }", condition)).toBe("{ status = error }");
    expect(narrowed("{ a = 1 || b = 2 }", condition)).toBe("{ (a = 1 || b = 2) && status = error }");
    expect(widened("{ kind = server && status = error }", condition)).toBe("{ kind = server }");
  });

  it("tells which queries need all of TraceQL", () => {
    expect(isWholeTraceQl("{ a = 1 || b = 2 }")).toBe(false);
    expect(isWholeTraceQl('{ a = "}" }')).toBe(false);
    expect(isWholeTraceQl("{ } >> { status = error }")).toBe(true);
    expect(isWholeTraceQl("{ } | rate() by(resource.service.name)")).toBe(true);
  });
});

describe("addresses of other tools", () => {
  it("reads Jaeger's", () => {
    const params = new URLSearchParams(
      'service=cart&operation=GET /cart&tags={"error":"true"}&lookback=2h&minDuration=1ms',
    );
    expect(translated("search", params)).toEqual({
      path: "search",
      params: {
        q: '{ resource.service.name = "cart" && name = "GET /cart" && status = error && duration >= 1ms }',
        from: "-2h",
      },
    });
    expect(translated("search", new URLSearchParams("q={}"))).toBeUndefined();
    expect(translated("trace/abc", new URLSearchParams("uiFind=00f067aa0ba902b7"))?.params).toEqual({
      span: "00f067aa0ba902b7",
    });
  });

  it("reads Zipkin's", () => {
    expect(translated("zipkin/traces/ABC", new URLSearchParams())?.path).toBe("trace/abc");
    const params = new URLSearchParams(
      "serviceName=cart&annotationQuery=http.method=GET and error&lookback=900000",
    );
    expect(translated("zipkin", params)?.params).toEqual({
      q: '{ resource.service.name = "cart" && .http.method = "GET" && .error != nil }',
      from: "-900s",
    });
  });
});
