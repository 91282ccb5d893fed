import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { Icon } from "./icon";

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
  const sort = useSignal<{ name: string; isUp: boolean }>({ name: first, isUp: false });
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
          {columns.map(({ name, isNumber }) => {
            const isSorted = name === column.name;
            return (
              <th
                key={name}
                class={isNumber ? "right" : ""}
                aria-sort={isSorted ? (sort.value.isUp ? "ascending" : "descending") : undefined}
              >
                <button
                  type="button"
                  class="sort"
                  onClick={() => {
                    sort.value = { name, isUp: isSorted ? !sort.value.isUp : !isNumber };
                  }}
                >
                  {name}
                  {isSorted && <Icon name={sort.value.isUp ? "up" : "down"} />}
                </button>
              </th>
            );
          })}
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
