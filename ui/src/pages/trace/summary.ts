import { duration, percent, plural } from "../../core/format";
import { FLAG, nameOf, serviceOf, type TraceModel } from "../../core/trace/model";

const SERVICES_MAX = 5;
const ERRORS_MAX = 5;

/** A trace in a few lines of Markdown, for a ticket or a chat. */
export function summaryOf(trace: TraceModel, link?: string): string {
  const { summary } = trace;
  const whole = trace.services.reduce((sum, service) => sum + service.critical_ns, 0) || 1;
  const services = trace.services
    .filter(({ critical_ns }) => critical_ns > 0)
    .sort((a, b) => b.critical_ns - a.critical_ns)
    .slice(0, SERVICES_MAX);
  const failed: string[] = [];
  for (let span = 0; span < trace.size && failed.length < ERRORS_MAX; span++) {
    if (trace.flags[span] & FLAG.errorOrigin) {
      failed.push(`- failed: ${code(`${serviceOf(trace, span)} ${nameOf(trace, span)}`)}`);
    }
  }
  const shares = services.map(({ name, critical_ns }) => `${code(name)} ${percent(critical_ns / whole)}`);
  return [
    `**${code(`${summary.root_service} ${summary.root_name}`)}** ${duration(trace.durationNs)}, ${plural(trace.spans, "span")}, ${plural(trace.services.length, "service")}, ${plural(summary.errors, "error")}`,
    "",
    `- began: ${new Date(Number(trace.baseNs / 1_000_000n)).toISOString()}`,
    ...(shares.length > 0 ? [`- waited for: ${shares.join(", ")}`] : []),
    ...trace.findings.filter(({ kind }) => kind !== "critical_share").map(({ text }) => `- ${code(text)}`),
    ...failed,
    `- trace: ${link ?? code(trace.id)}`,
    "",
  ].join("\n");
}

/** A text that Markdown shows as it is. */
function code(text: string): string {
  return `\`${text.replace(/[`\r\n]+/g, " ")}\``;
}
