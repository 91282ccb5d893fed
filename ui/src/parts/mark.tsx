import "./mark.css";

/** Faden's mark. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" />
      <path d="M6 23c6 0 4-14 10-14s4 14 10 14" />
      <circle cx="6" cy="23" r="2.6" />
      <circle cx="26" cy="23" r="2.6" />
    </svg>
  );
}
