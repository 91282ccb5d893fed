import { expect, it } from "vitest";
import type { Detail } from "../../src/core/trace/model";
import { logAddress } from "../../src/pages/trace/log-link";

const context = { traceId: "ab", spanId: "cd", service: "pay&go", startMs: 1.4, endMs: 2.6 };
const detail = {
  span: { attributes: [{ key: "http.route", type: "string", value: "/a b" }] },
  resource: { attributes: [{ key: "k8s.pod.name", type: "string", value: "pod-1" }] },
} as unknown as Detail;

it("fills a template with what a span is, so that nothing breaks out of its place", () => {
  const template =
    "https://logs/?t={traceId}&s={service}&from={startMs}&to={endMs}&p={resource.k8s.pod.name}";
  const address = "https://logs/?t=ab&s=pay%26go&from=1&to=3&p=pod-1";
  expect(logAddress(template, context, detail)).toBe(address);
  expect(logAddress("http://logs/{span.http.route}?x={other}", context, detail)).toBe(
    "http://logs/%2Fa%20b?x={other}",
  );
});

it("leads nowhere without the attribute that it names, and never to a script", () => {
  expect(logAddress("https://logs/{resource.host.name}", context, detail)).toBeUndefined();
  expect(logAddress("https://logs/{span.http.route}", context)).toBeUndefined();
  expect(logAddress("javascript:alert({traceId})", context, detail)).toBeUndefined();
  expect(logAddress("", context, detail)).toBeUndefined();
});
