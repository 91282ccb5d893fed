/** The head of a line that calls, for `marker-end="url(#ID)"`. */
export function Arrow({ id }: { id: string }) {
  return (
    <defs>
      <marker
        id={id}
        viewBox="0 0 8 8"
        refX="7"
        refY="4"
        markerWidth="9"
        markerHeight="9"
        markerUnits="userSpaceOnUse"
        orient="auto"
      >
        <path d="M0 0.5 7.5 4 0 7.5Z" />
      </marker>
    </defs>
  );
}
