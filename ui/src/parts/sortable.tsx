import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { type Sort, SortHead } from "./sort-head";

/** A column: its name, what it is sorted by, and what it shows. */
export interface Column<T> {
  name: string;
  by: (row: T) => number | string;
  show: (row: T) => ComponentChildren;
  isNumber?: boolean;
}

/** A table that is sorted by the column whose name is pressed. */
export function Sortable<T>({
  label,
  rows,
  columns,
  keyOf,
  first,
}: {
  label: string;
  rows: T[];
  columns: Column<T>[];
  keyOf: (row: T) => string;
  first: string;
}) {
  const sort = useSignal<Sort>({ name: first, isUp: false });
  const column = columns.find(({ name }) => name === sort.value.name) ?? columns[0];
  const sign = sort.value.isUp ? 1 : -1;
  const sorted = rows.slice().sort((a, b) => {
    const [left, right] = [column.by(a), column.by(b)];
    return (left < right ? -1 : left > right ? 1 : 0) * sign;
  });
  return (
    <table class="plain" aria-label={label}>
      <thead>
        <tr>
          {columns.map(({ name, isNumber }) => (
            <SortHead key={name} name={name} isNumber={isNumber} sort={sort} />
          ))}
        </tr>
      </thead>
      <tbody>
        {sorted.map((row) => (
          <tr key={keyOf(row)}>
            {columns.map(({ name, show, isNumber }) => (
              <td key={name} class={isNumber ? "right" : ""}>
                {show(row)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
