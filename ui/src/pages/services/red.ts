/** Rate, errors and durations of some spans. */
export interface Red {
  spans: number;
  errors: number;
  rate?: number;
  error_share: number;
  p50_ns: number;
  p95_ns: number;
  p99_ns: number;
  max_ns: number;
  sum_ns: number;
}

/** A step of time with its figures. */
type Step = Red & { time: string; name?: string };

/** A service, or an operation of one, in the time between two moments. */
export interface Series {
  start: string;
  end: string;
  step_ns: number;
  series: Step[];
}
