// Formats numbers as Python's metrics client does: the shortest decimal that reads back as the same
// number, always with a decimal point. Positive values from 1e6 up use Go's exponent form.

/** @returns e.g. "5.0", "8.34e-05", "1e+06", "+Inf", "NaN" */
export function formatNumber(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  return value >= 1e6 ? withExponent(value.toExponential()) : pythonFloat(value);
}

/** @param value finite @returns the text of Python's repr(): "1e+16", "-0.0", "8.34e-05" */
export function pythonFloat(value: number): string {
  const magnitude = Math.abs(value);
  if (magnitude !== 0 && (magnitude < 1e-4 || magnitude >= 1e16)) {
    return withExponent(value.toExponential());
  }
  const text = Object.is(value, -0) ? "-0" : String(value);
  return text.includes(".") ? text : `${text}.0`;
}

/** Pads the exponent to at least two digits. */
function withExponent(text: string): string {
  return text.replace(/e([+-])(\d)$/, "e$10$2");
}
