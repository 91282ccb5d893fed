/** Where nodes and lines of a small graph lie. */
export interface Laid {
  places: { x: number; y: number }[];
  lines: [number, number][][];
  width: number;
  height: number;
}

/** The room that each node takes. */
export interface Room {
  width: number;
  height: number;
  /** Between layers, and between nodes of one. */
  gapX: number;
  gapY: number;
}

const SWEEPS = 6;

/**
 * Lays a graph out from left to right: callers before callees, few crossings.
 *
 * Edges that would close a circle are drawn backwards. Edges over several layers keep a free place in each.
 */
export function laidOut(size: number, edges: [number, number][], room: Room): Laid {
  const layer = layersOf(size, edges);
  const { columns, chains } = withWaypoints(size, edges, layer);
  const neighbours = sides(chains, columns.flat().length);
  let order = columns;
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    order = swept(order, sweep % 2 === 0 ? neighbours.before : neighbours.after, sweep % 2 === 0);
  }
  const tall = Math.max(1, ...order.map((column) => column.length));
  const stepX = room.width + room.gapX;
  const stepY = room.height + room.gapY;
  const spots: { x: number; y: number }[] = [];
  order.forEach((column, at) => {
    const top = ((tall - column.length) * stepY) / 2;
    column.forEach((node, row) => {
      spots[node] = { x: at * stepX + room.width / 2, y: top + row * stepY + room.height / 2 };
    });
  });
  const lines = chains.map((chain) => {
    const isBack = layer[chain[0]] > layer[chain[chain.length - 1]];
    const half = (room.width / 2) * (isBack ? -1 : 1);
    return chain.map((node, at): [number, number] => {
      const { x, y } = spots[node];
      return at === 0 ? [x + half, y] : at === chain.length - 1 ? [x - half, y] : [x, y];
    });
  });
  return {
    places: spots.slice(0, size),
    lines,
    width: order.length * stepX - room.gapX,
    height: tall * stepY - room.gapY,
  };
}

/** The longest way from a start to each node, without the edges that lead back. */
function layersOf(size: number, edges: [number, number][]): number[] {
  const below: number[][] = Array.from({ length: size }, () => []);
  const above = new Array<number>(size).fill(0);
  for (const [from, to] of edges) {
    if (from !== to) {
      below[from].push(to);
      above[to] += 1;
    }
  }
  const state = new Uint8Array(size);
  const finished: number[] = [];
  const starts = Array.from({ length: size }, (_, node) => node).sort((a, b) => above[a] - above[b]);
  const forward: number[][] = Array.from({ length: size }, () => []);
  for (const start of starts) {
    const stack = state[start] === 0 ? [{ node: start, next: 0 }] : [];
    state[start] ||= 1;
    while (stack.length > 0) {
      const top = stack[stack.length - 1];
      const to = below[top.node][top.next++];
      if (to === undefined) {
        state[top.node] = 2;
        finished.push(top.node);
        stack.pop();
      } else if (state[to] !== 1) {
        forward[top.node].push(to);
        if (state[to] === 0) {
          state[to] = 1;
          stack.push({ node: to, next: 0 });
        }
      }
    }
  }
  const layer = new Array<number>(size).fill(0);
  for (const node of finished.reverse()) {
    for (const to of forward[node]) {
      layer[to] = Math.max(layer[to], layer[node] + 1);
    }
  }
  return layer;
}

/** Columns of nodes, and of the places that long edges pass; edges as chains of both. */
function withWaypoints(size: number, edges: [number, number][], layer: number[]) {
  const columns: number[][] = Array.from({ length: Math.max(0, ...layer) + 1 }, () => []);
  for (let node = 0; node < size; node++) {
    columns[layer[node]].push(node);
  }
  let next = size;
  const chains = edges.map(([from, to]) => {
    const step = layer[to] >= layer[from] ? 1 : -1;
    const chain = [from];
    for (let at = layer[from] + step; step > 0 ? at < layer[to] : at > layer[to]; at += step) {
      columns[at].push(next);
      chain.push(next++);
    }
    chain.push(to);
    return chain;
  });
  return { columns, chains };
}

function sides(chains: number[][], size: number) {
  const before: number[][] = Array.from({ length: size }, () => []);
  const after: number[][] = Array.from({ length: size }, () => []);
  for (const chain of chains) {
    for (let at = 1; at < chain.length; at++) {
      after[chain[at - 1]].push(chain[at]);
      before[chain[at]].push(chain[at - 1]);
    }
  }
  return { before, after };
}

/** Orders each column by the middle of its neighbours in the column before. */
function swept(columns: number[][], neighbours: number[][], isForward: boolean): number[][] {
  const place = new Map<number, number>();
  const put = (column: number[]) => {
    column.forEach((node, row) => {
      place.set(node, row - column.length / 2);
    });
  };
  for (const column of columns) {
    put(column);
  }
  const result = columns.slice();
  for (let step = 0; step < columns.length; step++) {
    const at = isForward ? step : columns.length - 1 - step;
    const middle = new Map(
      result[at].map((node) => {
        const near = neighbours[node];
        const sum = near.reduce((all, other) => all + (place.get(other) ?? 0), 0);
        return [node, near.length > 0 ? sum / near.length : (place.get(node) ?? 0)];
      }),
    );
    result[at] = result[at].slice().sort((a, b) => (middle.get(a) ?? 0) - (middle.get(b) ?? 0));
    put(result[at]);
  }
  return result;
}
