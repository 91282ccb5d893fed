/** Parents before children, siblings by start: the order of rows, as places in what was given. */
export interface Ordered {
  order: Int32Array;
  parent: Int32Array;
  depth: Int32Array;
  descendants: Int32Array;
}

/** Orders spans by their parents; a span whose parent is unknown, or that is its own ancestor, becomes a root. */
export function ordered(parents: Int32Array, starts: Float64Array): Ordered {
  const size = parents.length;
  const children: number[][] = Array.from({ length: size }, () => []);
  const roots: number[] = [];
  for (let at = 0; at < size; at++) {
    (parents[at] < 0 ? roots : children[parents[at]]).push(at);
  }
  const result: Ordered = {
    order: new Int32Array(size),
    parent: new Int32Array(size).fill(-1),
    depth: new Int32Array(size),
    descendants: new Int32Array(size),
  };
  const placed = new Int32Array(size).fill(-1);
  const byStart = (a: number, b: number) => starts[a] - starts[b];
  let next = 0;
  const walk = (from: number[]) => {
    const stack = from.sort(byStart).reverse();
    while (stack.length > 0) {
      const span = stack.pop() as number;
      if (placed[span] >= 0) {
        continue;
      }
      const row = next++;
      placed[span] = row;
      result.order[row] = span;
      const parent = parents[span] < 0 ? -1 : placed[parents[span]];
      result.parent[row] = parent;
      result.depth[row] = parent < 0 ? 0 : result.depth[parent] + 1;
      const below = children[span].filter((child) => placed[child] < 0).sort(byStart);
      for (let at = below.length - 1; at >= 0; at--) {
        stack.push(below[at]);
      }
    }
  };
  walk(roots);
  for (let at = 0; at < size; at++) {
    if (placed[at] < 0) {
      walk([at]);
    }
  }
  for (let row = size - 1; row > 0; row--) {
    if (result.parent[row] >= 0) {
      result.descendants[result.parent[row]] += result.descendants[row] + 1;
    }
  }
  return result;
}

/** The direct children of each row, in order. */
export function childrenOf(parent: Int32Array): number[][] {
  const children: number[][] = Array.from({ length: parent.length }, () => []);
  for (let row = 0; row < parent.length; row++) {
    if (parent[row] >= 0) {
      children[parent[row]].push(row);
    }
  }
  return children;
}
