import type { ComponentChildren } from "preact";
import { bytes, count } from "../../core/format";
import type { Figure } from "../../core/types";

/** A name and what it is. */
export function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd class="num">{children}</dd>
    </div>
  );
}

/** A named number. */
export function FigureFact({ figure }: { figure: Figure }) {
  return (
    <Fact name={figure.name}>{figure.unit === "bytes" ? bytes(figure.value) : count(figure.value)}</Fact>
  );
}
