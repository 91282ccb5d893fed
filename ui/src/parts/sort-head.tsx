import type { Signal } from "@preact/signals";
import { Icon } from "./icon";

/** What a table is sorted by. */
export interface Sort {
  name: string;
  isUp: boolean;
}

/** The head of a column; pressed, it sorts by it, and pressed again the other way round. */
export function SortHead({ name, isNumber, sort }: { name: string; isNumber?: boolean; sort: Signal<Sort> }) {
  const isSorted = sort.value.name === name;
  return (
    <th
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
}
