const WIDTH = 110;
const HEIGHT = 24;

/** A small line without axes. */
export function Spark({ points, colour }: { points: [number, number][]; colour: string }) {
  if (points.length < 2) {
    return <span class="spark" />;
  }
  const from = points[0][0];
  const to = points[points.length - 1][0];
  const top = Math.max(...points.map(([, value]) => value)) || 1;
  const path = points
    .map(([at, value], index) => {
      const x = ((at - from) / (to - from)) * (WIDTH - 2) + 1;
      const y = HEIGHT - 2 - (value / top) * (HEIGHT - 4);
      return `${index === 0 ? "M" : "L"}${x.toFixed(1)},${y.toFixed(1)}`;
    })
    .join("");
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <path
        d={path}
        stroke={colour}
        fill="none"
        stroke-width="1.5"
        stroke-linejoin="round"
        vector-effect="non-scaling-stroke"
      />
    </svg>
  );
}
