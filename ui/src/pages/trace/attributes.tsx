import { useSignal } from "@preact/signals";
import { textOf } from "../../core/conditions";
import { href } from "../../core/route";
import type { Attribute } from "../../core/types";
import { plainValue } from "../../core/value";
import { Copy } from "../../parts/copy";
import { Icon } from "../../parts/icon";
import { ValueView } from "./value";

interface Props {
  title: string;
  /** The word before the key in queries. */
  level: string;
  attributes: Attribute[];
  search: string;
  isLocal: boolean;
  isOpen?: boolean;
}

/** Attributes with their values, each a way to other traces. */
export function Attributes({ title, level, attributes, search, isLocal, isOpen = false }: Props) {
  const isShown = useSignal(isOpen);
  const text = search.trim().toLowerCase();
  const fitting = attributes.filter(
    (attribute) =>
      !text ||
      attribute.key.toLowerCase().includes(text) ||
      plainValue(attribute).toLowerCase().includes(text),
  );
  if (fitting.length === 0) {
    return null;
  }
  const isListed = isShown.value || text !== "" || title === "";
  return (
    <section class="part">
      {title && (
        <h3>
          <button
            type="button"
            class="bare small"
            aria-expanded={isListed}
            onClick={() => {
              isShown.value = !isShown.value;
            }}
          >
            <Icon name={isListed ? "down" : "right"} /> {title} <span class="soft num">{fitting.length}</span>
          </button>
        </h3>
      )}
      {isListed && (
        <dl class="attributes">
          {fitting.map((attribute) => (
            <div key={attribute.key}>
              <dt title={attribute.type}>{attribute.key}</dt>
              <dd>
                <ValueView attribute={attribute} />
                <span class="doors">
                  {!isLocal && canFilter(attribute) && (
                    <a
                      class="button bare small icon-only"
                      href={href("search", { q: condition(level, attribute), from: "-1d" })}
                      aria-label={`Traces with ${attribute.key} of this value`}
                      title="Traces with this value"
                    >
                      <Icon name="search" />
                    </a>
                  )}
                  <Copy text={() => plainValue(attribute)} what={attribute.key} />
                </span>
              </dd>
            </div>
          ))}
        </dl>
      )}
    </section>
  );
}

function canFilter(attribute: Attribute): boolean {
  return ["string", "int", "double", "bool"].includes(attribute.type);
}

function condition(level: string, attribute: Attribute): string {
  const isText = attribute.type === "string";
  return textOf([{ key: `${level}.${attribute.key}`, op: "=", value: plainValue(attribute), isText }]);
}
