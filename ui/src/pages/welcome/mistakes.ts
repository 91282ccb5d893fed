import { plural } from "../../core/format";
import { nanosToMs } from "../../core/nanos";
import type { RefusalGroup } from "../../core/server";
import type { Status, Summary } from "../../core/types";

/** Something that goes wrong at the moment, and what to do about it. */
export interface Mistake {
  said: string;
  remedy: string;
}

/** Older news is no help to somebody who is trying something now. */
const RECENT_MS = 10 * 60_000;

/** Clocks that differ by less are usual. */
const CLOCK_MS = 60_000;

/** What senders do wrong now, as far as the server can tell. */
export function mistakesOf(
  status: Status | undefined,
  groups: RefusalGroup[],
  newest: Summary | undefined,
  nowMs: number,
): Mistake[] {
  const isRecent = (nanos: string) => nowMs - nanosToMs(nanos) < RECENT_MS;
  const mistakes: Mistake[] = groups
    .filter((group) => isRecent(group.last_seen))
    .map((group) => ({
      said: `${amount(group)} ${group.outcome}: ${group.text || group.reason}`,
      remedy:
        group.reason === "malformed"
          ? "What was sent is not what the address expects."
          : group.outcome === "refused"
            ? "A good sender sends these again."
            : "The sender was told why; its log says the same.",
    }));
  if (newest?.services.some(({ name }) => name.startsWith("unknown_service"))) {
    mistakes.push({
      said: "A sender does not say which service it is",
      remedy: "Set OTEL_SERVICE_NAME, or the attribute service.name of its resource.",
    });
  }
  if (newest && nanosToMs(newest.start) - nowMs > CLOCK_MS) {
    mistakes.push({
      said: `The newest trace begins ${Math.round((nanosToMs(newest.start) - nowMs) / 60_000)} min in the future`,
      remedy: "Set the clock of the sender, or of this machine.",
    });
  }
  const isNew = new Set(mistakes.map(({ said }) => said));
  for (const error of status?.errors ?? []) {
    if (isRecent(error.at) && !isNew.has(error.message)) {
      isNew.add(error.message);
      mistakes.push({ said: error.message, remedy: hintOf(error.message) });
    }
  }
  return mistakes.slice(0, 5);
}

function amount({ spans, requests }: RefusalGroup): string {
  return spans > 0 ? plural(spans, "span") : plural(requests, "request");
}

/** What usually causes an error of the log. */
function hintOf(message: string): string {
  if (/http2|preface|h2|grpc/i.test(message)) {
    return "Port 4317 is for gRPC and 4318 for HTTP: is the sender set to the other one?";
  }
  if (/tls|handshake|certificate/i.test(message)) {
    return "One side speaks TLS and the other does not.";
  }
  if (/gzip|zstd|deflate|decompress/i.test(message)) {
    return "What was sent is not compressed as its header says.";
  }
  return "It is in the server's log.";
}
